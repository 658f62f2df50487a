"""A storage that shows samplers and pruners a bounded history, so that their cost is bounded.

TPE reads all trials whenever it draws one, so that n trials would cost O(n^2).
"""

import bisect
import copy
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

LATEST, BEST = 1000, 50
"""Ended trials that are shown: the latest by number, and the best, of which TPE learns from at
most 25."""


def _delegate(name: str) -> Any:
    def method(self: "BoundedHistoryStorage", *args: Any, **kwargs: Any) -> Any:
        return getattr(self.inner, name)(*args, **kwargs)

    return method


def _delegate_change(name: str) -> Any:
    def method(self: "BoundedHistoryStorage", trial_id: int, *args: Any, **kwargs: Any) -> Any:
        if self._draft is not None and trial_id == self._draft._trial_id:
            return _CHANGES[name](self._draft, *args, **kwargs)
        self._stale.add(trial_id)
        return getattr(self.inner, name)(trial_id, *args, **kwargs)

    return method


def _set_param(
    draft: FrozenTrial, name: str, internal_value: float, distribution: BaseDistribution
) -> None:
    draft.distributions[name] = distribution
    draft.params[name] = distribution.to_external_repr(internal_value)


_CHANGES: dict[str, Callable[..., None]] = {
    "set_trial_param": _set_param,
    "set_trial_system_attr": lambda draft, key, value: draft.system_attrs.update({key: value}),
}
"""How what a sampler writes while it draws a trial changes one that is in no journal yet."""


class BoundedHistoryStorage(BaseStorage):
    """Passes everything on to `inner`, but lists only the trials that run, the latest and the best.

    Which these are follows from the trials as they stand, whatever was called before, so that a
    history can be replayed. It is of one study, which nobody else changes meanwhile, so that its
    copies of the listed trials stay true: a change only marks its trial as stale, and the next
    listing reads that one again.
    """

    def __init__(self, inner: BaseStorage, study_id: int):
        self.inner = inner
        minimise = inner.get_study_directions(study_id)[0] == StudyDirection.MINIMIZE
        self._sign = 1.0 if minimise else -1.0
        self._shown: dict[int, FrozenTrial] = {}  # by id, in the order of their numbers
        self._late: list[int] = []  # ids of the latest that have ended, by number
        self._best: list[tuple[float, int]] = []  # signed value and id, the best first
        self._stale: set[int] = set()
        self._is_shown: Callable[[FrozenTrial], bool] = lambda trial: True
        self._draft: FrozenTrial | None = None
        for trial in inner.get_all_trials(study_id, deepcopy=False):
            self._show(trial)

    def _show(self, trial: FrozenTrial) -> None:
        self._note(trial)
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            self._rank(trial.value, trial._trial_id)
        if len(self._stale) > LATEST:  # nobody lists them
            self._refresh()

    def _refresh(self) -> None:
        """Read the shown trials again that have changed."""
        for trial_id in self._stale & self._shown.keys():
            self._note(self.inner.get_trial(trial_id))
        self._stale.clear()

    def _note(self, trial: FrozenTrial) -> None:
        """Show the trial; where it has ended, the oldest that has may have to go for it."""
        trial_id = trial._trial_id
        self._shown[trial_id] = trial
        if not trial.state.is_finished() or self._is_late(trial_id):
            return
        bisect.insort(self._late, trial_id)
        if len(self._late) > LATEST:
            self._forget(self._late.pop(0))

    def _rank(self, value: float, trial_id: int) -> None:
        bisect.insort(self._best, (self._sign * value, trial_id))
        if len(self._best) > BEST:
            _, worse = self._best.pop()
            if worse in self._shown and self._shown[worse].state.is_finished():
                self._forget(worse)

    def _forget(self, trial_id: int) -> None:
        """Show an ended trial no longer, unless it is late or good enough."""
        if not self._is_late(trial_id) and all(best != trial_id for _, best in self._best):
            del self._shown[trial_id]

    def _is_late(self, trial_id: int) -> bool:
        at = bisect.bisect_left(self._late, trial_id)
        return self._late[at : at + 1] == [trial_id]

    @contextmanager
    def only(self, is_shown: Callable[[FrozenTrial], bool]) -> Iterator[None]:
        """List no other trials meanwhile, so that a pruner compares some of a study alone."""
        before, self._is_shown = self._is_shown, is_shown
        try:
            yield
        finally:
            self._is_shown = before

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """List the latest and the best trials, by number; within `only` those that it names."""
        self._refresh()
        found = [
            trial
            for trial in self._shown.values()
            if (states is None or trial.state in states) and self._is_shown(trial)
        ]
        return copy.deepcopy(found) if deepcopy else found

    @contextmanager
    def drafting(self, study_id: int, draft: FrozenTrial) -> Iterator[FrozenTrial]:
        """Let the block draw the parameters of a trial, which is then written in one piece.

        Meanwhile `get_trial` knows it, and no listing does. What the sampler notes of it, for
        others that draw at the same time, is dropped: nobody does.
        """
        self._draft = draft
        try:
            yield draft
            draft.system_attrs = {}
        finally:
            self._draft = None
        draft._trial_id = self.create_new_trial(study_id, draft)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Read one trial, whether it is listed or not."""
        if self._draft is not None and trial_id == self._draft._trial_id:
            return self._draft
        return self.inner.get_trial(trial_id)

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

    set_trial_param = _delegate_change("set_trial_param")
    set_trial_intermediate_value = _delegate_change("set_trial_intermediate_value")
    set_trial_user_attr = _delegate_change("set_trial_user_attr")
    set_trial_system_attr = _delegate_change("set_trial_system_attr")
    create_new_study = _delegate("create_new_study")
    delete_study = _delegate("delete_study")
    set_study_user_attr = _delegate("set_study_user_attr")
    set_study_system_attr = _delegate("set_study_system_attr")
    get_study_id_from_name = _delegate("get_study_id_from_name")
    get_study_name_from_id = _delegate("get_study_name_from_id")
    get_study_directions = _delegate("get_study_directions")
    get_study_user_attrs = _delegate("get_study_user_attrs")
    get_study_system_attrs = _delegate("get_study_system_attrs")
    get_all_studies = _delegate("get_all_studies")
    get_trial_id_from_study_id_trial_number = _delegate("get_trial_id_from_study_id_trial_number")
    get_trial_number_from_id = _delegate("get_trial_number_from_id")
    get_n_trials = _delegate("get_n_trials")
    remove_session = _delegate("remove_session")
