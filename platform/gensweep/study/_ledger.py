"""The Optuna study as a ledger of trials.

A trial carries its `TrialEntry` as JSON in one user attribute, written in one piece, and in another
what it was meant to be, written with its parameters when it is made. A trial that Optuna calls
RUNNING but whose entry says it ended was interrupted in between: `load` tells it again.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypedDict

import optuna
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from gensweep.fitted_tpe import HistorySize
from gensweep.optuna_version import refuse_other_optuna
from gensweep.space import is_active, order_dimensions
from gensweep.study._bounded_history import BoundedHistoryStorage
from gensweep.study._entry import TrialEntry
from gensweep.study._former import current_entry, curve_name
from gensweep.study._pruning import Pruning
from gensweep.study._sampler import FixableSampler
from gensweep.study._study_spec import StudySpec
from gensweep.study._suggest import suggest
from gensweep.trial import CheckpointPointer, RungVerdict, TrialState, trial_seed

with refuse_other_optuna():
    from optuna.study._tell import _tell_with_warning

ATTRIBUTE = "gensweep"
INTENT = "gensweep_intent"
CHECKPOINTS = "gensweep_checkpoints "
"""Before an owner's name: its system attribute of the study, `Stored` as JSON."""
DRAFT = -1
"""Optuna's id of a trial while its parameters are drawn."""


Stored = list[tuple[CheckpointPointer, list[tuple[int, int]]]]
"""Where an owner stored lanes last, and of which trials: number and attempt."""


class Intent(TypedDict):
    """The trial as it was meant to be, as JSON; earlier versions knew no `confirm_round`."""

    fixed: dict[str, Any]
    group: int | None
    confirm_round: int


_STORED = tuple(f.name for f in fields(TrialEntry) if f.name not in ("number", "id", "params"))


def entry_of(trial: FrozenTrial, curve: str) -> TrialEntry | None:
    """Read the entry that a trial carries; None if it was never handed out.

    `curve` names the curve of a trial that an earlier version stored, which had one at most.
    """
    stored = trial.user_attrs.get(ATTRIBUTE)
    if stored is None:
        return None
    stored = current_entry(stored, curve)
    verdicts = [RungVerdict(*verdict) for verdict in stored.get("verdicts", ())]
    known = {**stored, "state": TrialState(stored["state"]), "verdicts": verdicts}
    return TrialEntry(number=trial.number, id=trial._trial_id, params=dict(trial.params), **known)


def intended_round(trial: FrozenTrial) -> int:
    """Read the round of the confirmation that drew a trial, whether it was handed out or not."""
    return int(trial.user_attrs.get(INTENT, {}).get("confirm_round", 0))


def _count_decisions(entry: TrialEntry) -> int:
    """Count what the study has decided of the trial."""
    return len(entry.verdicts) + entry.state.ended


class Ledger:
    """Every trial of a study, in memory as in the journal.

    Not thread-safe: the `Study` in front of it is.
    """

    def __init__(
        self,
        study: optuna.Study,
        storage: BoundedHistoryStorage,
        sampler: FixableSampler,
        spec: StudySpec,
        clock: Callable[[], float],
    ) -> None:
        self._study, self._storage, self._sampler, self._clock = study, storage, sampler, clock
        self._space, self._names = spec.space, order_dimensions(spec.space, spec.strata)
        self._seed = spec.seed
        self._curve = curve_name(study.user_attrs.get("spec", {}))
        self._metric, self._budget_images = spec.objective.metric, spec.budget_images
        self.entries: dict[int, TrialEntry] = {}
        self.counts: Counter[str] = Counter()
        """Trials by state."""
        self.decisions = 0
        """Verdicts and ends until now: the study's own time, in which trials note what was before
        them. Samplers and pruners follow from that order alone, so that it can be replayed."""
        self.pruning = Pruning(study, storage, spec)
        self._stored: dict[str, Stored] = {}
        """By owner."""

    def load(self, *, keep_leases: bool = False) -> list[TrialEntry]:
        """Read all trials, and complete the transitions that were interrupted.

        Trials that were leased are queued, unless their owners live on: `keep_leases`.
        """
        facts = self._storage.get_study_system_attrs(self._study._study_id)
        self._stored = {key.removeprefix(CHECKPOINTS): value for key, value in facts.items()
                        if key.startswith(CHECKPOINTS)}  # fmt: skip
        stored = {(number, attempt): pointer for each in self._stored.values()
                  for pointer, trials in each for number, attempt in trials}  # fmt: skip
        kept = self._storage.inner.get_all_trials(self._study._study_id, deepcopy=False)
        self.pruning.load(kept)
        # What was cut short while it was drawn comes last, when all ends before are told.
        for trial in sorted(kept, key=lambda trial: ATTRIBUTE not in trial.user_attrs):
            self._enter(self._restore(trial, stored, keep_leases))
        return [entry for _, entry in sorted(self.entries.items())]

    def _restore(
        self,
        trial: FrozenTrial,
        stored: Mapping[tuple[int, int], CheckpointPointer],
        keep_leases: bool,
    ) -> TrialEntry:
        entry = entry_of(trial, self._curve)
        if entry is not None and entry.state is TrialState.LEASED:
            entry.checkpoint = stored.get((entry.number, entry.attempts), entry.checkpoint)
        if entry is None:  # killed while asking: keep the number, complete the parameters
            entry = self._complete(trial)
            self._save(entry)
        elif entry.state.ended and not trial.state.is_finished():
            self._tell(entry)
        elif entry.state is TrialState.LEASED and not keep_leases:
            entry.state, entry.owner = TrialState.QUEUED, ""
            self._save(entry)
        return entry

    def _enter(self, entry: TrialEntry) -> None:
        self.entries[entry.number] = entry
        self.counts[entry.state] += 1
        self.decisions += _count_decisions(entry)

    def ask(
        self, fixed: dict[str, Any], group: int | None = None, confirm_round: int = 0
    ) -> TrialEntry:
        """Draw a new trial whose parameters agree with `fixed`.

        `group`: that of the trial it repeats; None: a group of its own. Its entry is not written
        before its first `change`: until then the intent stands for it.
        """
        intent = Intent(fixed=fixed, group=group, confirm_round=confirm_round)
        draft = create_trial(state=OptunaState.RUNNING, user_attrs={INTENT: intent})
        draft.number, draft._trial_id = len(self.entries), DRAFT
        # Number, intent and parameters are one record: a kill leaves a trial whole, or none.
        with self._storage.drafting(self._study._study_id, draft):
            entry = self._draw(optuna.Trial(self._study, DRAFT), intent)
        entry.id = draft._trial_id
        number = self._storage.get_trial_number_from_id(entry.id)
        assert number == entry.number, f"trial {number} was drawn as {entry.number}"
        self._enter(entry)
        return entry

    def _complete(self, frozen: FrozenTrial) -> TrialEntry:
        """Draw the rest of a trial as it was meant to be; what it had drawn already stays.

        Earlier versions wrote one parameter after the other: theirs may lack some.
        """
        if frozen.state == OptunaState.WAITING:
            self._storage.set_trial_state_values(frozen._trial_id, OptunaState.RUNNING)
        known = frozen.user_attrs.get(INTENT, {})
        intent = Intent(
            fixed={**known.get("fixed", {}), **frozen.params},
            group=known.get("group"),
            confirm_round=intended_round(frozen),
        )
        return self._draw(optuna.Trial(self._study, frozen._trial_id), intent)

    def _draw(self, trial: optuna.Trial, intent: Intent) -> TrialEntry:
        self._sampler.fixed = intent["fixed"]
        ended = sum(count for state, count in self.counts.items() if TrialState(state).ended)
        now = self._sampler.fits.now = HistorySize(self.decisions, trial.number, ended)
        group = trial.number if intent["group"] is None else intent["group"]
        params = self._sample(trial)
        used = self._sampler.fits.used
        return TrialEntry(
            trial.number, trial._trial_id, params, group=group,
            confirm_round=intent["confirm_round"], seed=trial_seed(self._seed, trial.number),
            drawn_at=self.decisions, created=self._clock(),
            fitted_at=[used.decisions, used.drawn] if used and used != now else None,
        )  # fmt: skip

    def _sample(self, trial: optuna.Trial) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in self._names:
            if is_active(self._space[name], values):
                values[name] = suggest(trial, name, self._space[name])
        return values

    def change(self, entry: TrialEntry, **changes: Any) -> None:
        """Change an entry in the journal, and only then here: a full disk must not part the two."""
        after = replace(entry, **changes)
        if after.state.ended:
            changes["ended_at"] = after.ended_at = self.decisions
        self._save(after)
        if after.state.ended:  # Optuna hears last: if that is cut short, `load` makes up for it
            self._tell(after)
        self.counts[entry.state] -= 1
        self.counts[after.state] += 1
        self.decisions += _count_decisions(after) - _count_decisions(entry)
        for name, value in changes.items():
            setattr(entry, name, value)

    def keep_checkpoint(self, entries: Sequence[TrialEntry], pointer: CheckpointPointer) -> None:
        """Write where an owner stored trials that it holds: one record, however many there are.

        It counts for as long as the owner holds them under the same attempts; what is written of a
        trial after this has it, too.
        """
        owner, now = entries[0].owner, {entry.number for entry in entries}
        before = [
            (old, [(n, at) for n, at in trials if n not in now and self._holds(owner, n, at)])
            for old, trials in self._stored.get(owner, [])
        ]
        stored = [(pointer, [(entry.number, entry.attempts) for entry in entries]),
                  *(one for one in before if one[1])]  # fmt: skip
        key = f"{CHECKPOINTS}{owner}"
        self._storage.set_study_system_attr(self._study._study_id, key, stored)
        self._stored[owner] = stored
        for entry in entries:
            entry.checkpoint = pointer

    def _holds(self, owner: str, number: int, attempt: int) -> bool:
        entry = self.entries[number]
        return (entry.owner, entry.attempts) == (owner, attempt)

    def _save(self, entry: TrialEntry) -> None:
        stored = {name: getattr(entry, name) for name in _STORED}
        self._storage.set_trial_user_attr(entry.id, ATTRIBUTE, stored)

    def _tell(self, entry: TrialEntry) -> None:
        if entry.state is TrialState.COMPLETED:
            self._tell_optuna(entry, OptunaState.COMPLETE, entry.metrics[self._metric])
            return
        if entry.state.infeasible:
            self._constrain(entry)
        # TPE ranks infeasible trials by their constraint before it looks at values, and takes in
        # PRUNED ones but not FAIL: so it learns of the divergence, and no value is made up.
        learned = entry.state is TrialState.PRUNED or entry.state.infeasible
        state = OptunaState.PRUNED if learned else OptunaState.FAIL
        self._tell_optuna(entry, state)

    def _tell_optuna(
        self, entry: TrialEntry, state: OptunaState, value: float | None = None
    ) -> None:
        # `Study.tell` without its deep copy of the trial, which took a third of the coordinator.
        _tell_with_warning(self._study, entry.number, value, state, skip_if_finished=True)

    def _constrain(self, entry: TrialEntry) -> None:
        if self._storage.get_trial(entry.id).constraints:
            return
        self._sampler.fixed = entry.params
        progress = min(1.0, entry.images / self._budget_images)
        violation = 1.0 if entry.state is TrialState.COLLAPSED else 2.0 - progress
        optuna.Trial(self._study, entry.id).set_constraint("stable", violation)

    def remember(self, key: str, value: Any) -> None:
        """Write a fact about the whole sweep."""
        self._study.set_user_attr(key, value)
