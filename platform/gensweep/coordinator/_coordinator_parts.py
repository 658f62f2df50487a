"""The parts of the coordinator: study, tracker, and what is known of this session.

Runs in the coordinator's actor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gensweep.coordinator._hang_watch import HangWatch
from gensweep.coordinator._recorder import SweepRecorder, spool_of
from gensweep.coordinator._session_memory import SessionMemory
from gensweep.coordinator._study_opening import open_study
from gensweep.coordinator._trial_results import TrialResults
from gensweep.objective import Objective
from gensweep.spec import RunContext
from gensweep.study import Study


@dataclass(frozen=True, kw_only=True, slots=True)
class CoordinatorParts:
    """Holds what answering packs and the driver takes; of it the study alone is thread-safe.

    The actor's calls run one at a time.
    """

    study: Study
    recorder: SweepRecorder
    memory: SessionMemory
    results: TrialResults
    hang_watch: HangWatch


def open_parts(
    context: RunContext, objective: Objective, protocol: Mapping[str, object], session: str
) -> CoordinatorParts:
    """Open the study, and go on with the `session` if its coordinator has died."""
    memory = SessionMemory(spool_of(context) / "session.json", session, context.sweep.name)
    study = open_study(
        context, objective, protocol, is_continued=memory.is_continued, session=session
    )
    study.keep_store(context.store)
    recorder, curve = SweepRecorder(context, objective), protocol.get("curve")
    metrics = [str(metric) for metric in curve] if isinstance(curve, Sequence) else []
    results = TrialResults(study, recorder, memory, metrics)
    if memory.is_continued:
        results.record_failures()
    memory.note_opened()
    return CoordinatorParts(study=study, recorder=recorder, memory=memory, results=results,
                            hang_watch=HangWatch())  # fmt: skip
