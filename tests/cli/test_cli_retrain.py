"""`gensweep retrain` asks for seeds of one configuration, trained for longer."""

from pathlib import Path

import pytest

from ended_sweep import ended, point_here
from gensweep.cli import main
from gensweep.cli._retrain import answer, retrained
from gensweep.driver._next_command import next_command
from gensweep.results import read_here, trial_of
from gensweep.spec import RunRequest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    return tmp_path


def test_the_new_sweep_is_of_that_configuration_alone(home: Path) -> None:
    plan = ended(home, pruner="asha", samples=500)
    snapshot = read_here("s")
    trial = trial_of(snapshot, None)
    sweep = retrained(snapshot, trial, None, 5)
    assert sweep.config({}) == plan.request.sweep.config(trial["params"])
    assert (sweep.name, sweep.trials, sweep.repeats, sweep.space) == ("s-retrain", 5, 5, {})
    assert (sweep.budget_images, sweep.pruner) == (4 * plan.request.sweep.budget_images, "none")
    assert (sweep.data, sweep.samples, sweep.target) == ("ring8", 500, "frechet")


def test_what_came_of_it_is_told_as_json(home: Path) -> None:
    ended(home)
    sweep = retrained(read_here("s"), trial_of(read_here("s"), 1), None, 2)
    plan = ended(home, sweep.name, [("completed", 4.0), ("completed", 6.0)], space={},
                 fixed=sweep.fixed, repeats=2, group_by=None)  # fmt: skip
    told = answer(plan, "s", 1)
    assert (told["sweep"], told["of"]) == ("s-retrain", {"sweep": "s", "trial": 1})
    assert told["states"] == {"completed": 2}
    assert (told["metric"], told["best"], told["dry_run"]) == ("frechet", 5.0, False)
    assert told["report"] == f"{home}/reports/s-retrain.html"


def test_the_line_to_type_next_is_a_command(home: Path) -> None:
    ended(home)
    snapshot = read_here("s")
    sweep = retrained(snapshot, trial_of(snapshot, 0), 1000, 2)
    request = RunRequest(sweep=sweep, script="gensweep retrain s --trial 0")
    every = [{"state": "completed"}] * 2
    assert next_command(request, every) == "gensweep best s-retrain"  # type: ignore[arg-type]
    assert next_command(request, []) == "gensweep retrain s --trial 0 --resume s-retrain"


def test_other_options_are_those_of_a_sweep(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended(home)
    with pytest.raises(SystemExit) as end:
        main(["retrain", "s", "--seeds", "2", "--seed", "7", "--packs", "0"])
    assert end.value.code == 2
    assert "`1 <= packs <= 10,000` must hold" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["best", "s", "--packs", "1"])
    assert "error: unrecognized arguments: --packs 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--seeds", "0"], "but got --seeds 0"),
        (["--examples", "10"], "budget_images=10 is too small"),
        (["--trial", "7"], "sweep 's' has no trial 7"),
    ],
    ids=["seeds", "examples", "trial"],
)
def test_mistakes_are_told(
    home: Path, words: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home)
    assert main(["retrain", "s", *words]) == 2
    assert says in capsys.readouterr().err
