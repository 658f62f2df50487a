"""Judges trials in cohorts, by synchronous successive halving (Jamieson & Talwalkar 2016).

Runs in the coordinator's actor, where trials report and end. Verdicts follow from what a cohort's
trials measured alone: not from the order of reports, nor from packs, their widths and deaths.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from gensweep.pruners import REDUCTION, cohort_size, find_pruner
from gensweep.study._entry import TrialEntry
from gensweep.study._study_spec import StudySpec

Measured = Callable[[int], Mapping[int, float]]
"""From a rung, in images, to what trials measured there, by number."""


@dataclass(slots=True)
class Cohort:
    """Trials that are compared with one another, in the order of their numbers."""

    members: list[TrialEntry] = field(default_factory=list)
    is_open: bool = True
    """Whether a trial that is drawn later may belong to it."""

    rungs_judged: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class DueVerdict:
    """The verdict on a trial of a cohort whose trials have all come to a rung."""

    entry: TrialEntry
    rung: int
    is_pruned: bool


class Halving:
    """Puts a search's trials into cohorts by their numbers, and judges a cohort rung by rung.

    A cohort is of one comparison group, and is full with `cohort_size` trials. What is left when a
    search has drawn all of its trials is a smaller one, and trials that are added later begin
    others. At a rung the best third of each third goes on, of all trials that the cohort had: of
    equal ones those of lower numbers. What diverged or collapsed before, or measured no number, is
    worse than any other; what failed for another reason keeps its place, whenever that was. A trial
    whose players have not begun to learn passes over a rung.
    """

    def __init__(self, spec: StudySpec, measured: Measured, begins: Collection[int]) -> None:
        """Begin cohorts anew after so many trials as each of `begins` says."""
        self._group_by, self._trials, self._begins = spec.group_by, spec.budget.trials, begins
        self._rungs, self._sign = spec.rungs[:-1], spec.objective.sign
        self._measured, self._size = measured, cohort_size(len(spec.rungs))
        self._drawn = 0
        self._open: dict[object, Cohort] = {}
        self._cohorts: dict[int, Cohort] = {}
        """By the numbers of their trials."""

    def add(self, entry: TrialEntry) -> list[TrialEntry]:
        """Put a trial that the search has drawn into its cohort; in the order of their numbers.

        Return a trial of each cohort that no other will join, as all are drawn by now.
        """
        self._drawn += 1
        group = entry.params.get(self._group_by) if self._group_by is not None else None
        cohort = self._cohorts[entry.number] = self._open.setdefault(group, Cohort())
        cohort.members.append(entry)
        if len(cohort.members) == self._size:
            self._open.pop(group).is_open = False
        ends = self._drawn >= self._trials or self._drawn in self._begins
        return self.close() if ends else []

    def close(self) -> list[TrialEntry]:
        """Let no other trial into the cohorts that are open; return a trial of each."""
        closed = list(self._open.values())
        self._open.clear()
        for cohort in closed:
            cohort.is_open = False
        return [cohort.members[0] for cohort in closed]

    @property
    def drawn(self) -> int:
        """Count the trials that were put into cohorts."""
        return self._drawn

    def knows(self, entry: TrialEntry, rung: int) -> bool:
        """Return whether trials like this one are compared at that rung."""
        return entry.number in self._cohorts and rung in self._rungs

    def due(self, entry: TrialEntry) -> Iterator[DueVerdict]:
        """Yield the verdicts of the trial's cohort that are due by now, for the study to keep."""
        cohort = self._cohorts.get(entry.number)
        while cohort and not cohort.is_open and cohort.rungs_judged < len(self._rungs):
            rung = self._rungs[cohort.rungs_judged]
            if not all(self._has_passed(member, rung) for member in cohort.members):
                return
            cohort.rungs_judged += 1
            yield from self._judge(cohort, rung)

    def _has_passed(self, entry: TrialEntry, rung: int) -> bool:
        """Return whether the trial has come to the rung or beyond it, or will never."""
        return (
            entry.state.ended
            or entry.waits_at >= rung
            or any(verdict.rung >= rung for verdict in entry.verdicts)
            or any(entry.number in self._measured(at) for at in self._rungs if at >= rung)
        )

    def _judge(self, cohort: Cohort, rung: int) -> Iterator[DueVerdict]:
        values, best = self._measured(rung), self._best(cohort, rung)
        for entry in cohort.members:
            is_here = entry.number in values or entry.waits_at == rung
            is_judged = any(verdict.rung == rung for verdict in entry.verdicts)
            if is_here and not is_judged and not entry.state.ended:
                yield DueVerdict(entry=entry, rung=rung, is_pruned=entry.number not in best)

    def _best(self, cohort: Cohort, rung: int) -> set[int]:
        """Choose the trials that go on from the rung, by number; at least one that measured."""
        values = self._measured(rung)
        ranked = sorted(
            (self._sign * values[entry.number], entry.number)
            for entry in cohort.members
            if entry.number in values and not entry.state.infeasible
        )
        going_on = len(cohort.members) // REDUCTION ** (self._rungs.index(rung) + 1)
        return {number for _, number in ranked[: max(1, going_on)]}


def make_halving(spec: StudySpec, measured: Measured, begins: Collection[int]) -> Halving | None:
    """Make what judges the study's trials together; None where a pruner judges one at a time."""
    return Halving(spec, measured, begins) if find_pruner(spec.pruner).is_synchronous else None
