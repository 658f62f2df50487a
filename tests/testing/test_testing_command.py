"""`gensweep check` tells of each law whether a model keeps it, and of what it cannot check."""

import pytest

from gensweep.cli import main
from gensweep.testing import LAWS

SMALL = ["--set", "hidden=8", "--set", "layers=1", "--set", "latent_size=4"]


def test_each_law_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "gan", *SMALL, "--set", "objective=hinge"]) == 0
    *lines, memory = capsys.readouterr().out.splitlines()
    assert memory.startswith("1,000 samples of a lane, drawn in batches of 1,000, take ")
    assert lines[0] == "gan on examples of shape 2"
    assert [line.split()[:2] for line in lines[1:]] == [["kept", name] for name in LAWS]
    assert all(str(law.__doc__) in line for law, line in zip(LAWS.values(), lines[1:], strict=True))


def test_a_shape_that_the_model_takes_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "vae", *SMALL]) == 0
    assert capsys.readouterr().out.startswith("vae on examples of shape 1, 8, 8\n")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "unknown model 'nothing': choose from"),
        (["vae", "--shape", "2"], "vae: `bernoulli decodes images"),
        (["gan", "--set", "hidden=0"], "gan: `1 <= hidden` must hold, but got hidden=0."),
        (["gan", "--set", "colour=red"], "gan: "),
    ],
)
def test_what_cannot_be_checked_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["check", *words]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_words_that_are_no_setting_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--set", "hidden"], ["--shape", "1,2"], ["--shape", "0"]):
        with pytest.raises(SystemExit) as status:
            main(["check", "gan", *words])
        assert status.value.code == 2
        assert words[1] in capsys.readouterr().err
