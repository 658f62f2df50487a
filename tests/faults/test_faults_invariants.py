"""Each invariant holds of a good history, and is violated by one that breaks it alone."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from faults.evidence import (
    Asked,
    Event,
    Evidence,
    Reference,
    Run,
    Undisturbed,
    read_histories,
    read_history,
)
from faults.invariants import INVARIANTS, check
from gensweep.call_history import CallHistory
from gensweep.trial import TrialEnd, TrialReport, TrialState

ASKED = Asked(trials=2, budget_images=100, batch_images=8)


def trial(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "number": number, "state": "completed", "outcome": "converged", "images": 104,
        "params": {"rate": 0.1 * number}, "seed": 10 + number, "kept": {},
        "metrics": {"nll": 1.5 + number, "images_per_second": 3.0}, **changes,
    }  # fmt: skip


def run_of(number: int, **changes: Any) -> Run:
    steps: dict[str, Any] = {"nll": [56, 104], "loss": [8, 16, 56, 104]}
    return Run(trial=number, status="FINISHED", steps={**steps, **changes})


def lease(number: int, attempt: int = 1, images: int = 0, checkpoint: Any = None) -> dict[str, Any]:
    return {"number": number, "attempt": attempt, "images": images, "checkpoint": checkpoint}


def report(number: int, images: int, nll: float, attempt: int = 1) -> dict[str, Any]:
    return {"number": number, "attempt": attempt, "images": images, "metrics": {"nll": nll}}


def end(number: int, attempt: int = 1) -> dict[str, Any]:
    return {"number": number, "attempt": attempt, "state": "completed", "images": 104,
            "report": report(number, 104, 1.5 + number, attempt)}  # fmt: skip


def call(
    owner: str, name: str, told: list[Any], answer: Any = None, held: Sequence[Any] = ()
) -> list[Event]:
    """A call as a pack and the coordinator write it down."""
    facts: dict[str, Any] = {"at": 0.0, "owner": owner, "call": name, "told": told}
    return [
        Event(side="pack", event="asked", **facts),
        Event(side="coordinator", event="answered", answer=answer, held=held, **facts),
        Event(side="pack", event="answered", answer=answer, **facts),
    ]


BOTH = [[0, 1], [1, 1]]
"""The first leases of both trials."""
BEGINS = [
    *call("a", "lease", [2, None], [lease(0), lease(1)]),
    *call("a", "report_rungs", [[report(0, 56, 9.0), report(1, 56, 9.0)]],
          ["continue", "continue"], BOTH),
    *call("a", "checkpoint", [BOTH, {"owner": "a", "step": 1}], [], BOTH),
    *call("a", "finish", [[end(0)]], None, BOTH),
]  # fmt: skip
"""A pack ends one trial of two, and dies."""
ENDS = [
    *call("b", "lease", [1, None], [lease(1, 2, 56, {"owner": "a", "step": 1})]),
    *call("b", "finish", [[end(1, attempt=2)]], None, [[1, 2]]),
]
"""Another one ends the second."""

GOOD = Evidence(
    asked=ASKED,
    expected=Undisturbed(trials=[trial(0), trial(1)], runs=[run_of(0), run_of(1)]),
    events=[*BEGINS, *ENDS],
    trials=[trial(0), trial(1, metrics={"nll": 2.5, "images_per_second": 1.0})],
    runs=[run_of(0), run_of(1)],
    references=[Reference(what="0000.safetensors", verifies=True)],
)


def broken_by(bad: Evidence) -> list[str]:
    return [name for name, found in check(bad).items() if found]


def test_a_good_history_breaks_none() -> None:
    assert check(GOOD) == {name: [] for name in INVARIANTS}
    assert len(INVARIANTS) == 7


def with_events(*events: Event) -> Evidence:
    return replace(GOOD, events=[*BEGINS, *ENDS, *events])


def without(side: str, name: str, owner: str) -> Evidence:
    """The good history without the lines of one side about a call."""
    kept = [e for e in GOOD.events if (e.side, e.call, e.owner) != (side, name, owner)]
    return replace(GOOD, events=kept)


def resumed(**changes: Any) -> Evidence:
    """The good history, where the second pack got another lease."""
    events = deepcopy(GOOD.events)
    for event in events:
        if (event.owner, event.call) == ("b", "lease") and event.answer:
            event.answer[0].update(changes)
    return replace(GOOD, events=events)


ONE_END, BUDGET, RESULTS, TABLE, RUNS, CHECKPOINTS, LEFT = INVARIANTS

BROKEN: dict[str, tuple[str, Callable[[], Evidence]]] = {
    "an end by two packs": (
        ONE_END, lambda: with_events(*call("c", "finish", [[end(1, attempt=3)]], None, [[1, 3]]))
    ),
    "handed out after its end": (
        ONE_END, lambda: with_events(*call("c", "lease", [1, None],
                                           [lease(0, 2, 104, {"owner": "a", "step": 1})])),
    ),
    "an attempt of two packs": (
        BUDGET, lambda: replace(GOOD, events=[
            *BEGINS, *call("c", "lease", [1, None], [lease(1, 2, 56, {"owner": "a", "step": 1})]),
            *ENDS,
        ]),
    ),
    "a trial too many was handed out": (
        BUDGET, lambda: with_events(*call("c", "lease", [1, None], [lease(2)]))
    ),
    "an answer that the coordinator did not write": (
        RESULTS, lambda: without("coordinator", "report_rungs", "a")
    ),
    "an older checkpoint": (RESULTS, lambda: resumed(checkpoint={"owner": "a", "step": 0})),
    "no checkpoint": (RESULTS, lambda: resumed(checkpoint=None)),
    "fewer images than were reported": (RESULTS, lambda: resumed(images=0)),
    "a trial with two runs": (RUNS, lambda: replace(GOOD, runs=[*GOOD.runs, run_of(1)])),
    "a trial without a run": (RUNS, lambda: replace(GOOD, runs=[run_of(0)])),
    "a repeated step": (RUNS, lambda: replace(GOOD, runs=[run_of(0, nll=[56, 56, 104]),
                                                          run_of(1)])),
    "a step back": (RUNS, lambda: replace(GOOD, runs=[run_of(0, nll=[104, 56]), run_of(1)])),
    "a gap": (RUNS, lambda: replace(GOOD, runs=[run_of(0, loss=[8, 56, 104]), run_of(1)])),
    "a metric too few": (RUNS, lambda: replace(GOOD, runs=[
        Run(trial=0, status="FINISHED", steps={"nll": [56, 104]}), run_of(1)])),
    "a run that never ended": (RUNS, lambda: replace(GOOD, runs=[
        replace(run_of(0), status="RUNNING"), run_of(1)])),
    "a checkpoint that does not verify": (
        CHECKPOINTS,
        lambda: replace(GOOD, references=[Reference(what="0000.safetensors", verifies=False)]),
    ),
    "a process": (LEFT, lambda: replace(GOOD, left=["process 7: ray::ImplicitFunc"])),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_history_violates_its_invariant_alone(name: str) -> None:
    invariant, bad = BROKEN[name]
    assert broken_by(bad()) == [invariant]


def changed(number: int, **changes: Any) -> Evidence:
    """The good evidence with another trial in the ledger."""
    trials = [trial(n, **(changes if n == number else {})) for n in range(2)]
    return replace(GOOD, trials=trials)


def test_a_lost_end_is_one_that_the_ledger_has_otherwise() -> None:
    """It is in the table, too, and where the state is an open one it is no end."""
    assert broken_by(changed(0, metrics={"nll": 1.5000001})) == [RESULTS, TABLE]
    assert broken_by(changed(0, state="queued")) == [ONE_END, RESULTS, TABLE]
    assert broken_by(changed(0, images=56)) == [RESULTS, TABLE]
    assert broken_by(changed(0, images=112)) == [BUDGET, TABLE]
    assert broken_by(replace(GOOD, trials=[trial(0)])) == [ONE_END, RESULTS, TABLE]
    assert broken_by(replace(GOOD, trials=[*GOOD.trials, trial(1)])) == [ONE_END]
    assert broken_by(replace(GOOD, trials=[*GOOD.trials, trial(2)])) == [BUDGET, TABLE]


@pytest.mark.parametrize(
    "changes", [{"seed": 1}, {"params": {"rate": 0.2}}, {"outcome": "unconverged"}], ids=str
)
def test_another_row_is_another_table(changes: dict[str, Any]) -> None:
    assert broken_by(changed(1, **changes)) == [TABLE]


def test_what_nobody_acknowledged_may_be_lost() -> None:
    """A pack that died before it had an answer does not hear of it again."""
    unheard = [e for e in BEGINS if (e.call, e.side, e.event) != ("finish", "pack", "answered")]
    bad = replace(changed(0, images=96), events=unheard)
    assert broken_by(bad) == [TABLE]


def test_a_stale_end_is_none() -> None:
    """A pack that lost its trial is answered, too, and the coordinator drops what it tells."""
    for held in ([], [[1, 2]]):  # nor one of a pack that got its trial anew
        assert broken_by(with_events(*call("a", "finish", [[end(1)]], None, held))) == []


def test_what_a_process_wrote_is_read_again_but_for_a_torn_line(tmp_path: Path) -> None:
    history = CallHistory(tmp_path, "coordinator")
    last = TrialReport(number=3, attempt=1, images=104, metrics={"nll": 1.5}, png=b"picture")
    told = TrialEnd(number=3, attempt=1, state=TrialState.COMPLETED, cause="", images=104,
                    outcome="converged", report=last)  # fmt: skip
    history.write("answered", "a", "finish", told=([told],), answer=None, held=[(3, 1)])
    (event,) = read_histories(tmp_path)
    (kept,) = event.told[0]
    assert (kept["state"], kept["report"]["metrics"]) == ("completed", {"nll": 1.5})
    assert "png" not in kept["report"]
    assert event.held == [[3, 1]]
    (file,) = tmp_path.iterdir()
    assert read_history([file.read_text(), '{"at": 1']) == [event]
