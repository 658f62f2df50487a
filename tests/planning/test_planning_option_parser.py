"""Options that are not known are refused in one line, which names the nearest known one."""

import pytest

from gensweep.cli import main
from gensweep.option_parser import OptionParser


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["results", "--josn", "x"], "--josn; do you mean --json?; see gensweep results --help"),
        (["resutls", "x"], "choice: 'resutls'; do you mean results?; see gensweep --help"),
        (
            ["report", "x", "--format", "htlm"],
            "choice: 'htlm'; do you mean html?; see gensweep report --help",
        ),
        (
            ["results"],
            "NAME is missing: the sweep's name; `gensweep list` shows them; "
            "see gensweep results --help",
        ),
        (["results", "--jsno"], "--jsno; do you mean --json?; see gensweep results --help"),
        (["--versoin"], "arguments: --versoin; do you mean --version?; see gensweep --help"),
        (
            ["compare"],
            "A, B are missing: a sweep's name; `gensweep list` shows them; "
            "the other sweep's name; see gensweep compare --help",
        ),
        (["completion", "--x"], "SHELL is missing: bash or zsh; see gensweep completion --help"),
        ([], "models, features, check, completion; see gensweep --help"),
    ],
)
def test_a_bad_option_of_a_command_is_told_in_a_line(
    argv: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(argv)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert line.endswith(says)


def test_a_bad_value_is_told_without_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    parser = OptionParser(prog="sweep.py")
    parser.add_argument("--trials", type=int)
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--trials", "many"])
    told = "error: argument --trials: invalid int value: 'many'; see sweep.py --help\n"
    assert capsys.readouterr().err == told


def test_a_long_value_is_cut_and_not_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        OptionParser(prog="sweep.py").parse_args(["--" + "x" * 9000])
    told = capsys.readouterr().err
    assert told.startswith("error: unrecognized arguments: --xxx")
    assert len(told) < 600
