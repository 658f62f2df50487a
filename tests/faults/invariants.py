"""The seven invariants of a disturbed sweep, each a function from evidence to what violates it."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from faults.evidence import Event, Evidence, Run, Trial
from gensweep.trial import TrialState, Verdict, finite

SAME = ("state", "outcome", "params", "seed", "images")
"""Of a trial, what no fault may change, beside its metrics."""
CLOCKED = ("seconds", "per_second", "_ms")
"""Parts of the names of metrics that a clock measures."""


def each_trial_has_one_end(evidence: Evidence) -> list[str]:
    """Each number is in the ledger once and ended, and no process was told of a second end."""
    found = [f"trial {t['number']} is {t['state']}" for t in evidence.trials
             if not TrialState(t["state"]).ended]  # fmt: skip
    times = Counter(t["number"] for t in evidence.trials)
    for number in range(evidence.asked.trials):
        if times[number] != 1:
            found.append(f"trial {number} is in the ledger {times[number]} times")
    ends: dict[int, Event] = {}
    for event in evidence.events:
        if event.side == "coordinator" and event.call == "finish":
            for end in accepted_ends(event):
                if (before := ends.get(end["number"])) is not None:
                    found.append(f"trial {end['number']} ended by {before.owner} and {event.owner}")
                ends[end["number"]] = event
        if event.side == "coordinator" and event.call == "lease":
            found += [f"trial {lease['number']} was handed to {event.owner} after its end"
                      for lease in event.answer if lease["number"] in ends]  # fmt: skip
    return found


def no_budget_is_exceeded(evidence: Evidence) -> list[str]:
    """No trial is beyond the asked number, or saw more images; no attempt has two owners."""
    asked = evidence.asked
    most = asked.budget_images + asked.batch_images - 1
    found = [f"trial {t['number']} is one more than {asked.trials}" for t in evidence.trials
             if not 0 <= t["number"] < asked.trials]  # fmt: skip
    found += [f"trial {t['number']} saw {t['images']} images, more than {most}"
              for t in evidence.trials if t["images"] > most]  # fmt: skip
    owners: dict[tuple[int, int], str] = {}
    for event in evidence.answered("coordinator", "lease"):
        for lease in event.answer:
            attempt = (lease["number"], lease["attempt"])
            if lease["number"] >= asked.trials:
                found.append(f"trial {lease['number']} was handed out, of {asked.trials}")
            if owners.setdefault(attempt, event.owner) != event.owner:
                found.append("attempt {1} of trial {0} was handed out twice".format(*attempt))
    return found


def no_acknowledged_result_is_lost(evidence: Evidence) -> list[str]:
    """What a pack was answered, the coordinator wrote down, and the ledger has, or a later lease.

    Ends are in the ledger with their images and metrics; after a checkpoint or a report, whoever
    goes on with the trial begins at it or later.
    """
    found = [*unwritten_answers(evidence), *lost_ends(evidence), *lost_checkpoints(evidence)]
    return found + lost_reports(evidence)


def unwritten_answers(evidence: Evidence) -> list[str]:
    """Find answers that a pack has and no coordinator wrote down before."""
    written = Counter(call_key(e) for e in evidence.events if e.side == "coordinator")
    heard = Counter(
        call_key(e) for e in evidence.events if (e.side, e.event) == ("pack", "answered")
    )
    return [f"{owner} was answered {call} {times} times, and {written[key]} are written down"
            for key, times in heard.items() if times > written[key]
            for owner, call, _ in [key]]  # fmt: skip


def call_key(event: Event) -> tuple[str, str, str]:
    """Identify a call by who made it and with what."""
    return event.owner, event.call, json.dumps(event.told, sort_keys=True)


def lost_ends(evidence: Evidence) -> list[str]:
    """Find ends that were acknowledged, and are not so in the ledger."""
    trials, found = by_number(evidence.trials), []
    kept = {call_key(e): accepted_ends(e) for e in evidence.answered("coordinator", "finish")
            if accepted_ends(e)}  # fmt: skip
    for event in evidence.answered("pack", "finish"):
        for end in kept.get(call_key(event), []):
            trial = trials.get(end["number"], {})
            if not _has_end(trial, end):
                found.append(f"the end of trial {end['number']} that {event.owner} was answered is "
                             f"lost: {_told(end)}, in the ledger {_told(trial)}")  # fmt: skip
    return found


def _has_end(trial: Trial, end: Mapping[str, Any]) -> bool:
    metrics = (end.get("report") or {}).get("metrics", {})
    ledger = trial.get("metrics", {})
    return (
        trial.get("state") == end["state"]
        and trial.get("images", 0) >= end["images"]
        and all(ledger.get(name) == value for name, value in finite(metrics).items())
    )


def _told(end: Mapping[str, Any]) -> str:
    return f"{end.get('state')} at {end.get('images')} images"


def lost_checkpoints(evidence: Evidence) -> list[str]:
    """Find leases that lead to an older checkpoint than the last acknowledged one."""
    last: dict[int, tuple[str, int]] = {}
    found = []
    for event in evidence.events:
        if event.side != "coordinator":
            continue
        if event.call == "checkpoint":
            last |= stored_by(event)
        if event.call == "lease":
            for lease in event.answer:
                if (known := last.get(lease["number"])) and not _reaches(lease, *known):
                    found.append(f"trial {lease['number']} went on from {lease['checkpoint']}, "
                                 f"though {known[0]} had stored step {known[1]}")  # fmt: skip
    return found


def stored_by(event: Event) -> dict[int, tuple[str, int]]:
    """Return where a call of `checkpoint` let trials be found: an owner's folder, and a step."""
    leases, pointer = event.told
    stored = (pointer["owner"], pointer["step"])
    return {lease[0]: stored for lease in leases if lease not in event.answer}


def _reaches(lease: Mapping[str, Any], owner: str, step: int) -> bool:
    """Return whether a lease leads to the checkpoint, or to a later one that no history tells."""
    pointer = lease["checkpoint"]
    if pointer is None or "place" in pointer:  # what is set aside is stored later than any other
        return pointer is not None
    return pointer["owner"] != owner or pointer["step"] >= step


def lost_reports(evidence: Evidence) -> list[str]:
    """Find leases that know of fewer images than a report that was acknowledged."""
    seen: Counter[int] = Counter()
    found = []
    for event in evidence.events:
        if (event.side, event.event, event.call) == ("pack", "answered", "report_rungs"):
            for report, verdict in zip(event.told[0], event.answer, strict=True):
                if verdict != Verdict.LOST:
                    seen[report["number"]] = max(seen[report["number"]], report["images"])
        if event.side == "coordinator" and event.call == "lease":
            found += [f"trial {lease['number']} went on with {lease['images']} images, though "
                      f"{seen[lease['number']]} were reported"
                      for lease in event.answer
                      if lease["images"] < seen[lease["number"]]]  # fmt: skip
    return found


def the_table_is_that_of_the_undisturbed(evidence: Evidence) -> list[str]:
    """Every trial has the state, parameters, seed, images and metrics of the undisturbed sweep."""
    mine, expected = by_number(evidence.trials), by_number(evidence.expected.trials)
    found = [f"trial {number} has another {', '.join(changed)} than the undisturbed"
             for number in sorted(mine.keys() & expected.keys())
             if (changed := changed_fields(mine[number], expected[number]))]  # fmt: skip
    found += [f"trial {number} is missing" for number in sorted(expected.keys() - mine.keys())]
    return found + [
        f"trial {number} is one more" for number in sorted(mine.keys() - expected.keys())
    ]


def changed_fields(trial: Trial, expected: Trial) -> list[str]:
    """Name what differs between two trials: fields, and each of the metrics."""
    mine, theirs = (_timeless(one["metrics"]) for one in (trial, expected))
    metrics = [m for m in sorted({*mine, *theirs}) if mine.get(m) != theirs.get(m)]
    return [name for name in SAME if trial.get(name) != expected.get(name)] + metrics


def _timeless(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics that no clock measures."""
    return {name: value for name, value in metrics.items() if not any(c in name for c in CLOCKED)}


def mlflow_has_one_whole_run_a_trial(evidence: Evidence) -> list[str]:
    """Each trial has one run that has ended, with the undisturbed sweep's steps, each once."""
    times = Counter(run.trial for run in evidence.runs)
    found = [f"trial {number} has {times[number]} runs in MLflow"
             for number in range(evidence.asked.trials) if times[number] != 1]  # fmt: skip
    expected = {run.trial: run for run in evidence.expected.runs}
    for run in evidence.runs:
        if run.status in ("RUNNING", "SCHEDULED"):
            found.append(f"the run of trial {run.trial} is {run.status}")
        found += broken_curves(run, expected.get(run.trial))
    return found


def broken_curves(run: Run, expected: Run | None) -> Iterable[str]:
    """Tell which metrics of a run have steps that repeat, go back, are missing or too many."""
    for metric, steps in run.steps.items():
        if any(after <= before for before, after in pairwise(steps)):
            yield f"{metric} of trial {run.trial} has steps that repeat or go back: {list(steps)}"
    known = expected.steps if expected else {}
    for metric in sorted({*run.steps, *known}):
        mine, theirs = set(run.steps.get(metric, ())), set(known.get(metric, ()))
        if mine != theirs:
            yield (f"{metric} of trial {run.trial} lacks steps {sorted(theirs - mine)[:5]} and has "
                   f"{sorted(mine - theirs)[:5]} beyond")  # fmt: skip


def every_checkpoint_verifies(evidence: Evidence) -> list[str]:
    """Everything in the store that the ledger refers to is there, byte by byte."""
    return [f"{one.what} does not verify" for one in evidence.references if not one.verifies]


def nothing_is_left(evidence: Evidence) -> list[str]:
    """No process, actor, placement group, multipart upload, spooled event or checkpoint."""
    return list(evidence.left)


def by_number(trials: Iterable[Trial]) -> dict[int, Trial]:
    """The trials by number, in its order."""
    return {trial["number"]: trial for trial in sorted(trials, key=lambda t: t["number"])}


def accepted_ends(event: Event) -> list[Mapping[str, Any]]:
    """The ends that a call of `finish` brought of trials that the owner had, but of those that
    wait."""
    return [end for end in event.told[0]
            if [end["number"], end["attempt"]] in event.held and not end.get("waits")]  # fmt: skip


INVARIANTS: Mapping[str, Callable[[Evidence], list[str]]] = {
    check.__name__: check
    for check in (
        each_trial_has_one_end,
        no_budget_is_exceeded,
        no_acknowledged_result_is_lost,
        the_table_is_that_of_the_undisturbed,
        mlflow_has_one_whole_run_a_trial,
        every_checkpoint_verifies,
        nothing_is_left,
    )
}


def check(evidence: Evidence) -> dict[str, list[str]]:
    """Return what violates each invariant, by its name."""
    return {name: invariant(evidence) for name, invariant in INVARIANTS.items()}
