"""A whole run of the harness: the undisturbed sweep, the disturbed one, and what a checker says."""

import itertools
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from faults.drive import BATCH_IMAGES, BUDGET_IMAGES, Course, drive
from faults.evidence import Asked, Evidence
from faults.gather import gather
from faults.invariants import check
from faults.schedule import Fault
from faults.stand import new_folder, stand
from faults.throughput import throughput
from faults.undisturbed import undisturbed

NAME = "disturbed"
SHOWN = 20
"""Violations of an invariant that a report lists."""


def run(
    seed: int, faults: Sequence[Fault], trials: int, tell: Callable[[str], None],
    keep: Path | None = None, rpc_failures: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Disturb a sweep by faults, and report as plain JSON what came of it.

    `seed` is that of the faults and of cut answers. `keep` is a folder that is left with logs,
    histories and servers' data. `rpc_failures` are the calls of Ray in a hundred that fail.
    """
    folder = keep or new_folder()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        if rpc_failures:  # on nodes without them, and remembered
            with stand(folder / "calm", seed) as calm:
                undisturbed(calm, trials, tell)
        with stand(folder, seed, rpc_failures) as standing:
            expected = undisturbed(standing, trials, tell)
            tell(f"the disturbed sweep begins: {len(faults)} faults")
            course = drive(standing, NAME, trials, faults, tell)
            tell("checking")
            asked = Asked(trials=trials, budget_images=BUDGET_IMAGES, batch_images=BATCH_IMAGES)
            evidence = gather(standing, NAME, asked, expected)
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    return _report(seed, course, evidence, faults)


def _report(
    seed: int, course: Course, evidence: Evidence, faults: Sequence[Fault]
) -> dict[str, Any]:
    came = [asdict(fault) | {"hit": hit, "late_s": round(late, 2)}
            for fault, hit, late in course.faults]  # fmt: skip
    violations = check(evidence)
    return {
        "seed": seed, "trials": evidence.asked.trials,
        "holds": not any(violations.values()),
        "ended": course.ended, "seconds": round(course.seconds, 1),
        "undisturbed_seconds": round(evidence.expected.seconds, 1),
        "faults_hit": len(came), "faults_planned": len(faults), "faults": came,
        "typed": course.typed,
        "trials_retried": sum(trial["attempts"] > 1 for trial in evidence.trials),
        "throughput": _throughput(course, evidence),
        "violations": {name: found[:SHOWN] for name, found in violations.items()},
        "counts": {name: len(found) for name, found in violations.items()},
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip


def _throughput(course: Course, evidence: Evidence) -> Mapping[str, Any]:
    """Return the pace around outages that came alone; empty where faults overlap."""
    came = [(fault, course.zero + fault.at_s + late) for fault, _, late in course.faults]
    if any(a + one.for_s > b for (one, a), (_, b) in itertools.pairwise(came)) or not came:
        return {}
    return throughput(evidence.events, evidence.trials, came)
