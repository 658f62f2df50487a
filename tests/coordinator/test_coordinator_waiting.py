"""A trial that is stopped while it waits for its cohort ends as one that is stopped at once."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from gensweep.coordinator import SweepCoordinator
from gensweep.coordinator._recorder import spool_of
from gensweep.study import read_sweep
from gensweep.tracking import Spool
from gensweep.trial import TrialEnd, TrialReport, TrialState, Verdict
from small_run import context_of

PACK = "pack"
IMAGES = 640


def stopped(number: int, *, waits: bool) -> TrialEnd:
    """What a pack tells of a trial that was evaluated, and is to end if its verdict is so."""
    return TrialEnd(
        number=number, attempt=1, state=TrialState.PRUNED, cause=f"stopped at {IMAGES} images",
        images=IMAGES, outcome="pruned", waits=waits, intervals={"nll": (0.5, 3.5)},
        curves={"truncation": ((0.5, 40.0, 0.25),)},
        lineage=({"images": 320, "from": 0, "params": {"learning_rate": 0.5}},),
    )  # fmt: skip


def test_what_a_trial_measured_is_told_whenever_it_is_stopped(tmp_path: Path) -> None:
    """Its lineage, the ends of its intervals, and its curves, in the tracker as in the ledger."""
    context = context_of(tmp_path)
    context = replace(context, sweep=replace(context.sweep, trials=3, pruner="halving"))
    curve = {"curve": ["fidelity", "variety"]}
    coordinator = SweepCoordinator(context, context.sweep.objective("frechet"), curve)
    coordinator._recorder._tracker._deliverer.stop()
    coordinator.lease(PACK, 3, None)
    reports = [TrialReport(number=number, attempt=1, images=IMAGES, metrics={"nll": 1.0 + number})
               for number in range(3)]  # fmt: skip
    verdicts = [coordinator.report_rungs(PACK, [report])[0] for report in reports]
    assert verdicts == [Verdict.WAIT, Verdict.WAIT, Verdict.PRUNE]
    for number in (1, 2):
        coordinator.finish(PACK, [stopped(number, waits=verdicts[number] is Verdict.WAIT)])
    coordinator.close()
    spool = Spool(spool_of(context))
    events = [event for event, _ in spool.read(spool.acked, 1000)]
    spool.close()
    waited, at_once = (last_words(events, number) for number in (1, 2))
    assert waited == at_once
    assert at_once == [
        ("metrics", {"fidelity.truncation_0.5": 40.0, "variety.truncation_0.5": 0.25}),
        ("artifact", "lineage.json"),
        ("metrics", {"nll.interval_low": 0.5, "nll.interval_high": 3.5}),
        ("finish", "pruned"),
    ]
    results = {r.number: r.result for r in read_sweep("small", context.ledger).records}
    assert results[1] == results[2] != {}


def last_words(events: list[dict[str, Any]], number: int) -> list[tuple[str, Any]]:
    """What the tracker is told of a trial after its report, but for its waiting."""
    told = [event for event in events if event["trial"] == number and event["kind"] != "rest"]
    said = [(one["kind"], one.get("values") or one.get("blob") or one.get("state")) for one in told]
    return said[2:]
