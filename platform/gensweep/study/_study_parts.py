"""The parts of a study: what keeps its trials, who holds them, which come next, what is spent.

Runs in the coordinator's actor.
"""

from dataclasses import dataclass

from gensweep.study._halving import make_halving
from gensweep.study._leases import LeaseBook
from gensweep.study._ledger import Ledger
from gensweep.study._open import OpenedStudy
from gensweep.study._queue import TrialQueue
from gensweep.study._spending import Spending
from gensweep.study._study_spec import StudyRuntime, StudySpec
from gensweep.study._waiting import WaitingTrials
from gensweep.trial import TrialState


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyParts:
    """Holds what acting on a study's trials takes. None of it is thread-safe: `Study` is."""

    spec: StudySpec
    runtime: StudyRuntime
    ledger: Ledger
    leases: LeaseBook
    queue: TrialQueue
    waiting: WaitingTrials
    spending: Spending


def load_parts(opened: OpenedStudy, spec: StudySpec, runtime: StudyRuntime) -> StudyParts:
    """Build the parts, and take in the trials of earlier sessions."""
    spending = Spending(spec.budget, runtime.hourly_price, runtime.ticks, opened.spent)
    ledger, leases = opened.ledger, LeaseBook(runtime)
    queue = TrialQueue(spec, by_number=opened.by_number)
    halving = make_halving(spec, ledger.pruning.at_rung, opened.cohorts)
    waiting = WaitingTrials(halving, ledger, queue, opened.cohorts)
    entries = ledger.load(keep_leases=runtime.keep_leases)
    for entry in entries:
        queue.add(entry)
        if entry.state is TrialState.LEASED:
            leases.grant(entry)
            leases.hear(entry.owner)
    waiting.load(entries)
    ledger.remember("trials", spec.budget.trials)
    ledger.remember("confirm", str(spec.confirm or ""))
    ledger.remember("map_axis", spec.map_axis)
    return StudyParts(spec=spec, runtime=runtime, ledger=ledger, leases=leases, queue=queue,
                      waiting=waiting, spending=spending)  # fmt: skip
