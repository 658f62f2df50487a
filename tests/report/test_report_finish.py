"""How a sweep ends: from a real ledger and a real store, whole or damaged, to table and report."""

import json
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest

from gensweep.budget import Budget
from gensweep.cli import main
from gensweep.confirmation import Confirmation
from gensweep.coordinator._progress_summary import best_mean, leading_value
from gensweep.coordinator._recorder import SweepRecorder
from gensweep.data import load_dataset
from gensweep.driver._finish import _look_at_best, print_answer, summary_metrics
from gensweep.driver._next_command import next_command
from gensweep.lanes import Pack
from gensweep.objective import Objective
from gensweep.planning import Plan, parse_request, plan_text
from gensweep.results import every_trial_table, results_table, trial_views
from gensweep.spec import RunRequest
from gensweep.storage import FileStore, TrialArtifacts, TrialArtifactWriter
from gensweep.study import Study, StudySpec, read_sweep
from gensweep.sweep import Sweep
from gensweep.trial import TrialState
from gensweep_models.catalog import CATALOG

SECRET = "/s3cr+t/k&y"
OBJECTIVE = Objective(metric="fid")
USED = {"training": 15.0, "evaluation": 4.0, "idle": 1.0}
"""Lane-seconds."""
ENDS = {  # state and metric of one trial each
    "mixed": [("completed", 3.0), ("completed", 1.0), ("diverged", None), ("pruned", None)],
    "lucky": [
        ("completed", 1.0),
        ("diverged", None),
        ("completed", 3.0),
        ("completed", 2.0),
        ("completed", 9.0),
        ("completed", 8.0),
    ],
    "failed": [("failed", None), ("failed", None)],
    "collapsed": [("collapsed", 0.5)],
    "none": [],
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    for name in ("GENSWEEP_STORE", "GENSWEEP_LEDGER"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def plan_of(home: Path, trials: int) -> Plan:
    model = CATALOG["gan"]
    sweep = Sweep(name="s", model=model, space={"learning_rate": model.space["learning_rate"]},
                  trials=max(trials, 1), data="ring8")  # fmt: skip
    store = FileStore(home / "store")
    return Plan(request=RunRequest(sweep=sweep, script="x.py"), store=f"file://{home / 'store'}",
                tracking_uri=f"http://ann:{'hunter22'}@127.0.0.1:9", ledger=str(home / "studies"),
                home=str(home), dataset=load_dataset("ring8", store, split="train"),
                test=None)  # fmt: skip


def ended(
    home: Path,
    case: str,
    direction: Literal["minimize", "maximize"] = "minimize",
    repeats: int = 1,
    confirm: Sequence[float] = (),
) -> Plan:
    """A sweep whose trials ended as `case` says."""
    plan = plan_of(home, len(ENDS[case]))
    sweep = plan.request.sweep
    spec = StudySpec(
        name="s", space=sweep.space, objective=Objective(metric="fid", direction=direction),
        budget=Budget(trials=sweep.trials), budget_images=sweep.budget_images, sampler="random",
        repeats=repeats, settings=sweep.identity(), map_axis=sweep.map_axis,
        confirm=Confirmation(configurations=2, seeds=len(confirm) // 2) if confirm else None,
    )  # fmt: skip
    with Study.create(spec, plan.ledger) as study:
        for lease, (state, value) in zip(study.lease("me", len(ENDS[case])), ENDS[case],
                                         strict=True):  # fmt: skip
            cause = "" if state == "completed" else f"died of {SECRET}"
            metrics = {} if value is None else {"fid": value}
            outcome = {"outcome": "converged" if state == "completed" else state}
            end = study.resolve_end(lease, TrialState(state), cause, metrics)
            assert end is not None
            assert study.finish(lease, end, 500, outcome)
        for value in confirm:
            (lease,) = study.lease("me", 1)
            end = study.resolve_end(lease, TrialState.COMPLETED, "", {"fid": value})
            assert end is not None
            assert study.finish(lease, end, 500, {"outcome": "converged"})
    return plan


def end(
    plan: Plan, objective: Objective = OBJECTIVE
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    return print_answer(plan, {"kind": "points"}, objective, USED)


def test_the_end_holds_no_secret_and_states_the_versions(home: Path, capsys: Any) -> None:
    trials, files = end(ended(home, "mixed"))
    said = capsys.readouterr().out
    page = files["report.html"].decode()
    for text in (said, page, files["trials.json"].decode()):
        assert "died of ***" in text or text is said
        assert "s3cr" not in text
        assert "hunter22" not in text
    assert "optuna" in page
    assert json.loads(files["trials.json"])["trials"] == trials
    assert (home / "store" / "sweeps" / "s" / "trials.json").exists()
    assert summary_metrics(trials, OBJECTIVE) == {
        "trials": 4,
        "converged": 2,
        "diverged": 1,
        "pruned": 1,
        "best_fid": 1.0,
    }


def test_the_line_to_type_next_trains_where_this_did(monkeypatch: pytest.MonkeyPatch) -> None:
    model = CATALOG["gan"]
    sweep = Sweep(name="s", model=model, space={"learning_rate": model.space["learning_rate"]})
    monkeypatch.setattr(sys, "argv", ["x.py"])
    for argv, kept in (([], ""), (["--gpus", "2", "--ranks", "2", "--width", "8"],
                                  " --gpus 2 --width 8 --ranks 2")):  # fmt: skip
        request = parse_request("A test.", sweep, ["--name", "mine", *argv])
        assert next_command(request, []).endswith(f"x.py --resume mine{kept}")
    request = parse_request("A test.", sweep, ["--name", "n", "--trials", "2", "--confirm", "2x3"])
    ends: list[Any] = [{"state": "completed"}] * 8
    assert next_command(request, ends[:2]).endswith("x.py --resume n")
    assert next_command(request, ends).endswith("x.py --resume n --confirm 2x6")
    # of two configurations one was completed, and got all the seeds that it gets
    assert next_command(request, ends[:5], planned=5).endswith("x.py --resume n --confirm 2x6")
    ends = [{"state": "collapsed"}] * 2  # of which none can be confirmed
    assert next_command(request, ends, planned=2).endswith("x.py --resume n --trials 4")


def test_the_line_to_type_next_fits_where_it_is_typed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    python_here = tmp_path.resolve() / "bin" / "python"
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setattr(sys, "executable", str(python_here))
    monkeypatch.chdir(tmp_path)
    for script, python in (("x.py", "bin/python"), ("/there/x.py", python_here)):
        monkeypatch.setattr(sys, "argv", [script])
        request = parse_request(
            "A test.", Sweep(name="s", model=CATALOG["gan"], space={}, trials=1), []
        )
        assert next_command(request, []).startswith(f"{python} {script} --resume s")


@pytest.mark.parametrize(
    ("state", "shown"), [("completed", "best s"), ("collapsed", "results --all s")]
)
def test_what_became_of_one_configurations_seeds_is_next(state: str, shown: str) -> None:
    sweep = Sweep(name="s", model=CATALOG["gan"], space={}, trials=1)
    request = parse_request("A test.", sweep, ["--name", "s"])
    ended: Any = {"state": state}
    assert next_command(request, [ended] * request.sweep.planned_trials) == f"gensweep {shown}"


def test_the_report_says_what_all_trials_have_in_common(home: Path, capsys: Any) -> None:
    _, files = end(ended(home, "mixed"))
    page = files["report.html"].decode()
    lanes = "75.0 % training, 20.0 % evaluation, 5.0 % idle"
    assert f"lanes    {lanes}" in capsys.readouterr().out
    assert f"lanes: {lanes}." in page
    assert "The same in all trials: " in page
    assert "ema=0.999, " in page


@pytest.mark.parametrize(("direction", "best"), [("minimize", 1), ("maximize", 0)])
def test_the_best_is_best_in_its_direction(home: Path, direction: str, best: int,
                                        capsys: Any) -> None:  # fmt: skip
    _, files = end(ended(home, "mixed"), Objective(metric="fid", direction=direction))  # type: ignore[arg-type]
    assert f"the best is trial {best}," in files["report.html"].decode()
    said = capsys.readouterr().out
    assert said.splitlines()[2].split()[0] == str(best)
    assert re.search("^not shown: .*1 diverged", said, re.M)


@pytest.mark.parametrize("case", ["failed", "collapsed", "none"])
def test_a_sweep_without_completed_trials_still_ends(home: Path, case: str, capsys: Any) -> None:
    _, files = end(ended(home, case))
    said = capsys.readouterr().out
    assert ("died of ***" if ENDS[case] else "no trial has ended") in said
    assert ("no trial was completed" in said) == bool(ENDS[case])
    answers = "0 of" if ENDS[case] else "No trial has ended yet"
    assert answers in files["report.html"].decode()


def test_a_store_that_fails_costs_only_what_it_holds(home: Path, capsys: Any) -> None:
    plan = ended(home, "mixed")
    (home / "store").rename(home / "elsewhere")
    (home / "store").write_text("a file, not a folder")
    trials, _ = end(plan)
    said = capsys.readouterr().out
    assert [t["outcome"] for t in trials] == ["converged", "converged", "diverged", "pruned"]
    assert "stored   nothing: " in said
    assert (home / "reports" / "s.html").read_text().startswith("<!doctype html>")


def test_the_best_trial_is_drawn_along_its_latent(home: Path) -> None:
    """From its stored lane; a lost one costs the pictures alone."""
    plan = plan_of(home, 1)
    sweep, train = plan.request.sweep, plan.dataset
    pack = Pack(sweep.model, sweep.config({}), train, train.source("cpu"), width=1, trace=False)
    pack.load(0, sweep.config({}), seed=0, budget_images=1000)
    lane = TrialArtifacts(number=0, weights=pack.take(0).to_bytes(), png=b"")
    kept = TrialArtifactWriter(FileStore(home / "store"), "s", "me").write([lane])
    best: Any = {"number": 0, "params": {"learning_rate": 1e-3}, "kept": kept}
    _, pictures = _look_at_best(plan, OBJECTIVE, [best])
    assert [shows.partition(":")[0] for shows in pictures] == ["walks", "turns", "landscape"]
    assert _look_at_best(plan, OBJECTIVE, [best | {"kept": None}]) == (None, {})


def test_results_need_the_ledger_alone(home: Path, capsys: Any) -> None:
    ended(home, "mixed", "maximize")
    assert main(["results", "s"]) == 0
    shown = capsys.readouterr()
    assert shown.out.splitlines()[2].split()[:3] == ["0", "3", "converged"]
    assert shown.out.splitlines()[-3].split() == ["stratum", "stable", "learning_rate"]
    assert "too few configurations to tell: 2 of 3 converged, 1 pruned aside" in shown.out
    assert main(["results", "s", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [t["state"] for t in found["trials"]] == [state for state, _ in ENDS["mixed"]]


def test_the_tracker_says_why_it_lags_without_a_secret(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    plan = plan_of(home, 1)
    recorder = SweepRecorder(plan.run_context(), OBJECTIVE)
    try:
        recorder.end_trial(0, TrialState.FAILED, f"no {SECRET}", {"fid": 1.0})
        until = time.monotonic() + 60
        while "because of" not in recorder.loss() and time.monotonic() < until:
            time.sleep(0.1)
        assert "yet, because of " in recorder.loss()
        assert recorder.loss().endswith(": the rest waits in the spool for --resume.")
        assert "hunter22" not in recorder.loss()
    finally:
        recorder._tracker.close(0)
    spooled = b"".join(f.read_bytes() for f in (home / "spool").rglob("*") if f.is_file()).decode()
    assert "no ***" in spooled
    assert SECRET not in spooled
    assert "hunter22" not in plan_text(plan)
    assert "http://ann:***@127.0.0.1:9" in plan_text(plan)


def test_the_list_counts_states_in_one_order(home: Path, capsys: Any) -> None:
    ended(home, "mixed")
    assert main(["list"]) == 0
    assert "2 completed, 1 pruned, 1 diverged" in capsys.readouterr().out


def test_results_show_every_trial_if_asked(home: Path, capsys: Any) -> None:
    ended(home, "mixed")
    assert main(["results", "s"]) == 0
    said = capsys.readouterr().out
    assert "\nnot shown: 1 diverged, 1 pruned\n(--all shows every trial)\n" in said
    assert main(["results", "s", "--all"]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[:4] == ["trial", "fid", "outcome", "cause"]
    assert [row.split()[0] for row in rows] == ["1", "0", "2", "3"]
    assert rows[2].split()[1] == "diverged"


def test_every_trial_stands_beside_its_interval_if_it_has_one(home: Path) -> None:
    ended(home, "mixed")
    trials = trial_views(read_sweep("s", str(home / "studies")).records)
    trials[1]["intervals"] = {"fid": [0.9, 1.1]}
    head, _, *rows = every_trial_table(trials, OBJECTIVE, {}).splitlines()
    assert "95 % interval" in head
    assert ["0.9 to 1.1" in row for row in rows] == [True, False, False, False]


def test_seeds_of_one_configuration_are_told_apart_from_configurations(home: Path) -> None:
    ended(home, "mixed", repeats=2)
    trials = trial_views(read_sweep("s", str(home / "studies")).records)
    assert [t["group"] for t in trials] == [0, 0, 2, 2]
    row = results_table(trials, None, OBJECTIVE).splitlines()[-1].split()
    assert row == ["all", "trials", "4", "2", "2", "1", "50%", "to", "75%", "1%", "to", "100%"]


def test_the_best_configuration_is_named_measured_and_summed_up(home: Path, capsys: Any) -> None:
    """Not the luckiest seed, which is of a configuration that half fails."""
    trials, files = end(ended(home, "lucky", repeats=2))
    page, said = files["report.html"].decode(), capsys.readouterr().out
    assert "the best configuration is that of trial 2, fid 2.5 in the mean of 2 seeds" in page
    assert "<h2>Configurations</h2>" in page
    assert "<th><button>configuration</button></th>" in page
    assert said.splitlines()[0].split()[:4] == ["trial", "mean", "fid", "range"]
    assert said.splitlines()[2].split()[:7] == ["2", "2.5", "2", "to", "3", "2", "of"]
    assert OBJECTIVE.ranked(trials)[0]["number"] == 2
    assert summary_metrics(trials, OBJECTIVE)["best_fid"] == 2.5
    assert "\nnot shown: 1 diverged\n" in said
    records = read_sweep("s", str(home / "studies")).records
    assert best_mean(records, OBJECTIVE) == 2.5  # which progress tells
    assert leading_value(records, OBJECTIVE) is None


def test_the_best_is_the_best_of_those_that_were_confirmed(home: Path, capsys: Any) -> None:
    """By fresh seeds alone, of which the middle one stands for it; rates are of the search."""
    trials, files = end(ended(home, "mixed", confirm=(3.5, 5.0, 2.5, 6.0)))
    page, said = files["report.html"].decode(), capsys.readouterr().out
    assert [(t["group"], t["confirm_round"]) for t in trials[4:]] == [(1, 1), (0, 1)] * 2
    assert "2 of 4 trials converged" in page
    assert "the best configuration is that of trial 4, fid 3 in the mean of 2 fresh seeds" in page
    assert " % of 2 that were confirmed." in page
    assert "are ranked by these alone" in page
    head, _, first, second, *_ = said.splitlines()
    assert "in the search" in head
    assert first.split()[:7] == ["4", "3", "2.5", "to", "3.5", "2", "of"]
    assert first.split("%")[1].split()[0] == "1"  # what the search had seen of it
    assert second.split()[:2] == ["7", "5.5"]
    assert OBJECTIVE.ranked(trials)[0]["number"] == 4
    assert summary_metrics(trials, OBJECTIVE)["best_fid"] == 3.0
    assert main(["best", "s", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trial"] == 4


def test_the_table_tells_of_trials_that_have_not_ended() -> None:
    done = {"number": 0, "group": 0, "params": {}, "state": "completed", "outcome": "converged",
            "metrics": {"fid": 1.0}, "cause": ""}  # fmt: skip
    waiting = done | {"number": 1, "state": "queued", "outcome": "queued", "metrics": {}}
    training = done | {"number": 2, "state": "leased", "outcome": "leased", "metrics": {}}
    said = results_table(
        [done, waiting, training], None, Objective(metric="fid", direction="minimize")
    )
    sure = results_table([done | {"intervals": {"fid": [0.85, 1.15]}}], None, OBJECTIVE)
    assert sure.splitlines()[0].split() == ["trial", "fid", "95", "%", "interval", "outcome"]
    assert sure.splitlines()[2].split() == ["0", "1", "0.85", "to", "1.15", "converged"]
    assert "\nnot shown: 1 waiting, 1 training\n" in said
    assert said.splitlines()[-1].split()[2:7] == ["1", "1", "1", "0", "100%"]  # of the one
    more = results_table([done, waiting], None, OBJECTIVE, more="--all shows every trial")
    assert "\nnot shown: 1 waiting\n(--all shows every trial)\n" in more
    assert "--all" not in results_table([done], None, OBJECTIVE, more="--all shows every trial")
    nothing = results_table(
        [waiting, training], None, Objective(metric="fid", direction="minimize")
    )
    assert nothing == "no trial has ended\nnot shown: 1 waiting, 1 training"
