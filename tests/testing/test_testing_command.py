"""`gensweep check` tells of each law whether a model keeps it, and of what it cannot check."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from gensweep.cli import main
from gensweep.errors import UserError
from gensweep.sweep import catalog, model_named
from gensweep.testing import LAWS
from gensweep_models.catalog import CATALOG

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
OWN = re.findall(r"```python\n(.*?)```", README, re.DOTALL)[-1]
"""The README's model of one's own."""
(PROJECT,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
"""The README's pyproject.toml, which puts it into the catalogue."""
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
        (
            ["gan", "--set", "colour=red"],
            "gan has no hyperparameter 'colour': choose from learning_rate, ",
        ),
        (["gan", "--set", "spectral=yes"], "spectral='yes' will not do: it must be True or False"),
        (["gan", "--set", "critic_iterations=1.5"], "critic_iterations=1.5 will not do: it must"),
        (["gan", "--set", "penalty_weight=1e999"], "penalty_weight=inf will not do: it must be a"),
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


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with the README's model, and imports that are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("own", "mine", "my_lsgan"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "two.py").write_text("from own import MODEL\nOTHER = MODEL\n")
    return tmp_path


@pytest.mark.parametrize("named", ["own.py", "own.py:MODEL", "own:MODEL", "two.py", "two.py:OTHER"])
def test_a_model_of_ones_own_is_checked(
    folder: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    """By its file or its module; one that has two names is one."""
    assert main(["check", named]) == 0
    assert capsys.readouterr().out.startswith("my_lsgan on examples of shape 2\n  kept ")


@pytest.mark.parametrize(
    ("code", "named", "message"),
    [
        (None, "mine.py", "there is no file mine.py: name one that defines a model."),
        ("", "mine.py", "mine.py has no model: define one, an object of"),
        ("from own import MODEL", "mine.py:M", "has no model 'M': choose from mine.py:MODEL."),
        ("from own import MODEL", "mine:M", "mine has no model 'M': choose from mine:MODEL."),
        ("from dataclasses import replace\nfrom own import MODEL as A\nB = replace(A, name='b')",
         "mine.py", "mine.py has several models: choose from mine.py:A, mine.py:B."),
        ("x = 1 / 0", "mine.py",
         "mine.py cannot be imported: ZeroDivisionError: division by zero (mine.py, line 1)"),
        ("import sys\nsys.exit(3)", "mine.py", "mine.py ends when it is imported: put what runs"),
        (None, "mine:MODEL", "mine cannot be imported: ModuleNotFoundError: No module"),
    ],
)  # fmt: skip
def test_what_is_no_model_of_ones_own_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], code: str | None, named: str, message: str
) -> None:
    if code is not None:
        (folder / "mine.py").write_text(code)
    assert main(["check", named]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_a_mistake_that_builds_no_model_is_told_with_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "own.py").write_text(OWN.replace("config.latent_size,", "config.latent_sizes,"))
    line = OWN[: OWN.index("config.latent_size,")].count("\n") + 1
    assert main(["check", "own.py"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(
        "error: my_lsgan: AttributeError: 'LeastSquaresConfig' object has no attr"
    )
    assert said.endswith(f" (own.py, line {line})\n")


def test_a_mistake_in_a_loss_is_told_with_its_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = 'nets["critic"](nets["generator"](noise["z"]))'
    (folder / "own.py").write_text(OWN.replace(right, 'nets["critic"](noise["z"])'))
    line = OWN[: OWN.index(right)].count("\n") + 1
    assert main(["check", "own.py"]) == 1
    said = capsys.readouterr().out
    assert re.search(rf"raises RuntimeError \(.+\) at own\.py, line {line}: it is called as ", said)


def install(folder: Path, **models: str) -> None:
    """Leave what pip leaves of a project with entry points to models."""
    about = folder / "my_lsgan-0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my_lsgan\nVersion: 0\n")
    lines = [f"{name} = {value}\n" for name, value in models.items()]
    (about / "entry_points.txt").write_text("".join(["[gensweep.models]\n", *lines]))


def test_the_readmes_entry_point_puts_the_model_into_the_catalogue(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads(PROJECT)
    (module,) = project["tool"]["setuptools"]["py-modules"]
    (folder / "own.py").rename(folder / f"{module}.py")
    install(folder, **project["project"]["entry-points"]["gensweep.models"])
    monkeypatch.syspath_prepend(str(folder))
    assert catalog().keys() == CATALOG.keys() | {"my_lsgan"}
    assert model_named("my_lsgan").config.__name__ == "LeastSquaresConfig"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("own:MODELS", "mine = 'own:MODELS' of the group gensweep.models cannot be loaded: Attr"),
        ("own:SPACE", "mine = 'own:SPACE' of the group gensweep.models is neither a model nor"),
    ],
)
def test_an_entry_point_that_is_no_model_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    install(folder, mine=value)
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(UserError, match=message):
        catalog()
