"""The Optuna study as a ledger of trials.

A trial carries its `TrialEntry` as JSON in one user attribute, written in one piece, and in another
what it was meant to be, written when it is made, before its parameters are drawn. A trial that
Optuna calls RUNNING but whose entry says it ended was interrupted in between: `load` tells it
again.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial

from gensweep.space import exists
from gensweep.study._bounded_history import BoundedHistoryStorage
from gensweep.study._sampler import FixableSampler
from gensweep.study._suggest import suggest
from gensweep.trial import INFEASIBLE, TERMINAL, TrialRecord, TrialState

ATTRIBUTE = "gensweep"
INTENT = "gensweep_intent"


@dataclass(slots=True)
class TrialEntry:
    """A trial's line in the ledger."""

    number: int
    id: int
    params: dict[str, Any]
    seed: int = 0
    group: int = 0
    state: str = "queued"
    cause: str = ""
    owner: str = ""
    attempts: int = 0
    lost: int = 0
    """Times that its pack died or fell silent, but for those of `hosts`."""
    hosts: int = 0
    """Times that its pack was lost with a host."""
    images: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    result: dict[str, Any] = field(default_factory=dict)
    checkpoint: dict[str, Any] | None = None
    created: float = 0.0
    started: float | None = None
    ended: float | None = None

    def record(self) -> TrialRecord:
        """The entry as the outside sees it."""
        return TrialRecord(
            state=TrialState(self.state),
            params=dict(self.params), metrics=dict(self.metrics), result=dict(self.result),
            **{name: getattr(self, name) for name in _SHOWN},
        )  # fmt: skip


_SHOWN = ("number", "cause", "images", "attempts", "lost", "hosts", "seed", "group",
          "created", "started", "ended")  # fmt: skip
_STORED = tuple(f.name for f in fields(TrialEntry) if f.name not in ("number", "id", "params"))


def entry_of(trial: FrozenTrial) -> TrialEntry | None:
    """The stored entry; None if the trial was never handed out."""
    stored = trial.user_attrs.get(ATTRIBUTE)
    if stored is None:
        return None
    return TrialEntry(number=trial.number, id=trial._trial_id, params=dict(trial.params), **stored)


class Ledger:
    """Not thread-safe: the `Study` in front of it is."""

    def __init__(
        self,
        study: optuna.Study,
        storage: BoundedHistoryStorage,
        *,
        space: Mapping[str, Any],
        names: list[str],
        sampler: FixableSampler,
        objective: str,
        budget_images: int,
    ) -> None:
        self._study, self._storage, self._sampler = study, storage, sampler
        self._space, self._names = space, names
        self._objective, self._budget_images = objective, max(1, budget_images)
        self._measured: dict[int, dict[int, float]] = {}
        """Rung to what trials measured there, by number."""

    def load(self, adopt: Callable[[TrialEntry], None]) -> list[TrialEntry]:
        """All entries; interrupted transitions are completed, new ones pass through `adopt`."""
        kept = self._storage.inner.get_all_trials(self._study._study_id, deepcopy=False)
        for trial in kept:
            for images, value in trial.intermediate_values.items():
                self._measured.setdefault(images, {})[trial.number] = value
        return [self._restore(trial, adopt) for trial in kept]

    def _restore(self, trial: FrozenTrial, adopt: Callable[[TrialEntry], None]) -> TrialEntry:
        entry = entry_of(trial)
        if entry is None:  # killed while asking: keep the number, complete the parameters
            entry = self._complete(trial)
            adopt(entry)
            self.save(entry)
        elif entry.state in TERMINAL and not trial.state.is_finished():
            self._tell(entry)
        elif entry.state == "leased":
            entry.state, entry.owner = "queued", ""
            self.save(entry)
        return entry

    def ask(self, fixed: dict[str, Any], group: int | None = None) -> TrialEntry:
        """A new trial whose parameters agree with `fixed`; the caller saves the entry.

        `group`: that of the trial it repeats; None: a group of its own.
        """
        intent = {"fixed": fixed, "group": group}
        self._study.enqueue_trial({}, user_attrs={INTENT: intent})  # written in one piece
        trial = self._study.ask()
        return self._draw(trial, fixed, group)

    def _complete(self, frozen: FrozenTrial) -> TrialEntry:
        """The trial as it was meant to be; what it had drawn already stays."""
        if frozen.state == optuna.trial.TrialState.WAITING:
            self._storage.set_trial_state_values(frozen._trial_id, optuna.trial.TrialState.RUNNING)
        intent = frozen.user_attrs.get(INTENT, {"fixed": {}, "group": None})
        trial = optuna.Trial(self._study, frozen._trial_id)
        return self._draw(trial, {**intent["fixed"], **frozen.params}, intent["group"])

    def _draw(self, trial: optuna.Trial, fixed: dict[str, Any], group: int | None) -> TrialEntry:
        self._sampler.fixed = fixed
        group = trial.number if group is None else group
        return TrialEntry(trial.number, trial._trial_id, self._sample(trial), group=group)

    def _sample(self, trial: optuna.Trial) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in self._names:
            if exists(self._space[name], values):
                values[name] = suggest(trial, name, self._space[name])
        return values

    def save(self, entry: TrialEntry) -> None:
        """Write the entry to disk."""
        stored = asdict(entry)
        self._storage.set_trial_user_attr(entry.id, ATTRIBUTE, {k: stored[k] for k in _STORED})

    def measure(self, entry: TrialEntry, images: int, value: float) -> None:
        """Write the objective at the rung of that many `images`, for the pruner."""
        self._storage.set_trial_intermediate_value(entry.id, images, value)
        self._measured.setdefault(images, {})[entry.number] = value

    def at_rung(self, images: int) -> dict[int, float]:
        """What `measure` wrote at that rung, by number of the trial."""
        return self._measured.get(images, {})

    def prunes(self, entry: TrialEntry, pruner: BasePruner) -> bool:
        """What the pruner says of the trial as it stands."""
        return bool(pruner.prune(self._study, self._storage.get_trial(entry.id)))

    def end(self, entry: TrialEntry) -> None:
        """Write the ended entry, then tell Optuna."""
        self.save(entry)
        self._tell(entry)

    def _tell(self, entry: TrialEntry) -> None:
        if entry.state == "completed":
            self._study.tell(entry.number, entry.metrics[self._objective], skip_if_finished=True)
            return
        if entry.state in INFEASIBLE:
            self._constrain(entry)
        # TPE ranks infeasible trials by their constraint before it looks at values, and takes in
        # PRUNED ones but not FAIL: so it learns of the divergence, and no value is made up.
        learned = entry.state == "pruned" or entry.state in INFEASIBLE
        state = optuna.trial.TrialState.PRUNED if learned else optuna.trial.TrialState.FAIL
        self._study.tell(entry.number, state=state, skip_if_finished=True)

    def _constrain(self, entry: TrialEntry) -> None:
        if self._storage.get_trial(entry.id).constraints:
            return
        self._sampler.fixed = entry.params
        progress = min(1.0, entry.images / self._budget_images)
        violation = 1.0 if entry.state == "collapsed" else 2.0 - progress
        optuna.Trial(self._study, entry.id).set_constraint("stable", violation)

    def remember(self, key: str, value: Any) -> None:
        """Write a fact about the whole sweep."""
        self._study.set_user_attr(key, value)
