"""Resolves how a trial ended, as far as what it measured bears it out."""

from collections.abc import Mapping
from dataclasses import dataclass

from gensweep.trial import TrialState, finite


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedEnd:
    """The end of a trial, as the study keeps it."""

    state: TrialState
    cause: str
    metrics: Mapping[str, float]
    """All finite ones that the trial has measured, each as it last was."""


def resolve(
    state: TrialState,
    cause: str,
    before: Mapping[str, float],
    metrics: Mapping[str, float],
    objective: str,
) -> ResolvedEnd:
    """Check a trial's end against its metrics: those `before`, and those that it ends with.

    A completed trial must have measured the objective, and not end with one that is not finite.
    """
    state = TrialState(state)  # told by another process, perhaps as a plain word
    if not state.ended:
        ends = ", ".join(each for each in TrialState if each.ended)
        raise ValueError(f"{state!r} is no end of a trial: one of {ends}.")
    known = {**before, **finite(metrics)}
    if state is TrialState.COMPLETED:
        if objective in metrics and not finite({objective: metrics[objective]}):
            state, cause = TrialState.DIVERGED, f"{objective} is {metrics[objective]}"
        elif objective not in known:
            state, cause = TrialState.FAILED, f"{objective} was never reported"
    return ResolvedEnd(state=state, cause=cause, metrics=known)
