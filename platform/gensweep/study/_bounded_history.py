"""A storage that shows samplers and pruners a bounded history, so that their cost is bounded."""

import bisect
import copy
from collections.abc import Container, Iterable
from typing import Any

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

LATEST, BEST = 1000, 50
"""Trials that are shown: TPE learns most from the best, of which it takes at most 25."""


def _passed(name: str) -> Any:
    def method(self: "BoundedHistoryStorage", *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*args, **kwargs)

    return method


def _changing(name: str) -> Any:
    def method(self: "BoundedHistoryStorage", trial_id: int, *args: Any, **kwargs: Any) -> Any:
        self._stale.add(trial_id)
        return getattr(self.inner, name)(trial_id, *args, **kwargs)

    return method


class BoundedHistoryStorage(BaseStorage):
    """Passes everything on to `inner`, but lists only a study's latest and best trials.

    Of one study, which nobody else changes meanwhile.
    """

    def __init__(self, inner: BaseStorage, study_id: int):
        self.inner = inner
        minimise = inner.get_study_directions(study_id)[0] == StudyDirection.MINIMIZE
        self._sign = 1.0 if minimise else -1.0
        self._shown: dict[int, FrozenTrial] = {}
        self._best: list[tuple[float, int]] = []
        self._stale: set[int] = set()
        for trial in inner.get_all_trials(study_id, deepcopy=False):
            self._show(trial)

    def _show(self, trial: FrozenTrial) -> None:
        self._shown[trial._trial_id] = trial
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            self._rank(trial.value, trial._trial_id)
        if len(self._shown) > LATEST + BEST:
            self._forget()

    def _rank(self, value: float, trial_id: int) -> None:
        bisect.insort(self._best, (self._sign * value, trial_id))
        del self._best[BEST:]

    def _forget(self) -> None:
        """The oldest that has ended and is not one of the best."""
        best = {trial_id for _, trial_id in self._best}
        ended = (i for i, trial in self._shown.items() if trial.state.is_finished())
        oldest = next((i for i in ended if i not in best and i not in self._stale), None)
        if oldest is not None:
            del self._shown[oldest]

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """The latest and the best trials, by number."""
        for trial_id in self._stale & self._shown.keys():
            self._shown[trial_id] = self.inner.get_trial(trial_id)
        self._stale.clear()
        found = [t for t in self._shown.values() if states is None or t.state in states]
        return copy.deepcopy(found) if deepcopy else found

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        trial_id = self.inner.create_new_trial(study_id, template_trial)
        self._show(self.inner.get_trial(trial_id))
        return trial_id

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Iterable[float] | None = None
    ) -> bool:
        values = None if values is None else list(values)
        changed = self.inner.set_trial_state_values(trial_id, state, values)
        self._stale.add(trial_id)
        if changed and state == TrialState.COMPLETE and values:
            self._rank(values[0], trial_id)
        return changed

    set_trial_param = _changing("set_trial_param")
    set_trial_intermediate_value = _changing("set_trial_intermediate_value")
    set_trial_user_attr = _changing("set_trial_user_attr")
    set_trial_system_attr = _changing("set_trial_system_attr")
    create_new_study = _passed("create_new_study")
    delete_study = _passed("delete_study")
    set_study_user_attr = _passed("set_study_user_attr")
    set_study_system_attr = _passed("set_study_system_attr")
    get_study_id_from_name = _passed("get_study_id_from_name")
    get_study_name_from_id = _passed("get_study_name_from_id")
    get_study_directions = _passed("get_study_directions")
    get_study_user_attrs = _passed("get_study_user_attrs")
    get_study_system_attrs = _passed("get_study_system_attrs")
    get_all_studies = _passed("get_all_studies")
    get_trial = _passed("get_trial")
    get_trial_id_from_study_id_trial_number = _passed("get_trial_id_from_study_id_trial_number")
    get_trial_number_from_id = _passed("get_trial_number_from_id")
    get_n_trials = _passed("get_n_trials")
    remove_session = _passed("remove_session")
