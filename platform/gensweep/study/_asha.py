"""Asynchronous successive halving, whose verdicts cost the same however many trials there are.

Runs in the coordinator's actor, where packs report.
"""

from bisect import bisect_left, insort

from optuna.trial import FrozenTrial

from gensweep.pruners import REDUCTION
from gensweep.study._bounded_history import BoundedHistoryStorage

COMPLETED = "completed_rung_"
"""Optuna's name of an attribute with what a trial had at a rung, before the rung's number."""


class AshaRungs:
    """Keeps what trials had at each rung in order, and judges as Optuna's pruner does.

    Optuna's looks through all trials for each verdict (arXiv:1810.05934 is its reference).
    """

    def __init__(self, storage: BoundedHistoryStorage, first: int, sign: float) -> None:
        """Put the lowest rung at `first` images; by a `sign` of -1 large values are good."""
        self._storage, self._first, self._sign = storage, first, sign
        self._values: dict[tuple[object, str], list[float]] = {}
        """Of a group at a rung, the best first."""

    def load(self, trial: FrozenTrial, group: object) -> None:
        """Take in what a trial of an earlier session had at its rungs."""
        for key, value in trial.system_attrs.items():
            if key.startswith(COMPLETED):
                insort(self._values.setdefault((group, key), []), self._sign * value)

    def is_poor(self, trial: FrozenTrial, group: object) -> bool:
        """Return whether the trial is not among the best of its group at a rung that it came to."""
        step = trial.last_step
        assert step is not None, f"trial {trial.number} has measured nothing"
        value = trial.intermediate_values[step]
        rung = sum(key.startswith(COMPLETED) for key in trial.system_attrs)
        while step >= self._first * REDUCTION**rung:
            key = f"{COMPLETED}{rung}"
            self._storage.set_trial_system_attr(trial._trial_id, key, value)
            if not self._stays(self._values.setdefault((group, key), []), self._sign * value):
                return True
            rung += 1
        return False

    def _stays(self, values: list[float], value: float) -> bool:
        """Add a value to a rung's; whether it is among the best, of which the first is always."""
        better = bisect_left(values, value)
        values.insert(better, value)
        return better < max(1, len(values) // REDUCTION)
