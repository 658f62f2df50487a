"""Decides whether a trial is pruned: what trials measured at rungs, and the pruner's word on it."""

from collections.abc import Iterable, Mapping

import optuna
from optuna.pruners import NopPruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial

from gensweep.study._asha import AshaRungs
from gensweep.study._bounded_history import BoundedHistoryStorage
from gensweep.study._entry import TrialEntry
from gensweep.study._study_spec import StudySpec
from gensweep.trial import RungVerdict, Verdict, finite


class Pruning:
    """Keeps a study's measurements at rungs, in memory as in the journal, and judges by them.

    Runs in the coordinator's actor, where packs report; the verdict is the answer that they get.
    """

    def __init__(
        self, study: optuna.Study, storage: BoundedHistoryStorage, spec: StudySpec
    ) -> None:
        """Judge trials of equal `spec.group_by` by one another alone; None: all by all."""
        self._study, self._storage, self._metric = study, storage, spec.objective.metric
        self._group_by = spec.group_by
        is_asha = isinstance(study.pruner, SuccessiveHalvingPruner)
        sign, first = spec.objective.sign, spec.rungs[0] if spec.rungs else 1
        self._asha = AshaRungs(storage, first, sign) if is_asha else None
        self._measured: dict[int, dict[int, float]] = {}
        """Rung to what trials measured there, by number."""

    def load(self, trials: Iterable[FrozenTrial]) -> None:
        """Take in what the journal has of earlier sessions."""
        for trial in trials:
            if self._asha is not None:
                self._asha.load(trial, self._group_of(trial))
            for images, value in trial.intermediate_values.items():
                self._measured.setdefault(images, {})[trial.number] = value

    def measure(self, entry: TrialEntry, rung: int, metrics: Mapping[str, float]) -> bool:
        """Write the objective at a rung, in images; False if `metrics` has no finite one."""
        value = finite(metrics).get(self._metric)
        if value is None:
            return False
        self._storage.set_trial_intermediate_value(entry.id, rung, value)
        self._measured.setdefault(rung, {})[entry.number] = value
        return True

    def at_rung(self, images: int) -> dict[int, float]:
        """Read what `measure` wrote at that rung, by number of the trial."""
        return self._measured.get(images, {})

    def judge(self, entry: TrialEntry, rung: int, decided_at: int) -> list[RungVerdict]:
        """Return the trial's verdicts with that at `rung`, which a pruner gives once.

        A trial that comes to a rung again, as its pack was lost, meets the verdict that stands
        there, whatever others have measured since. See `RungVerdict` for `decided_at`.
        """
        is_judged = any(verdict.rung == rung for verdict in entry.verdicts)
        if is_judged or isinstance(self._study.pruner, NopPruner):
            return entry.verdicts
        return [*entry.verdicts, RungVerdict(rung, decided_at, int(self._is_poor(entry)))]

    def _is_poor(self, entry: TrialEntry) -> bool:
        """Ask the pruner about the trial, as it stands among those of its group."""
        trial = self._storage.get_trial(entry.id)
        group = self._group_of(trial)
        if self._asha is not None:
            return self._asha.is_poor(trial, group)
        with self._storage.only(lambda other: self._group_of(other) == group):
            return self._study.pruner.prune(self._study, trial)

    def _group_of(self, trial: FrozenTrial) -> object:
        """The value that is compared; None where nothing is, or it does not exist in the trial."""
        return trial.params.get(self._group_by) if self._group_by is not None else None


def verdict_at(
    rung: int, verdicts: Iterable[RungVerdict], otherwise: Verdict = Verdict.CONTINUE
) -> Verdict:
    """Read the verdict at a rung; `otherwise` where none was given.

    >>> str(verdict_at(300, [RungVerdict(100, 0, 0), RungVerdict(300, 7, 1)]))
    'prune'
    """
    for verdict in verdicts:
        if verdict.rung == rung:
            return Verdict.PRUNE if verdict.is_pruned else Verdict.CONTINUE
    return otherwise
