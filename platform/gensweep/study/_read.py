"""Reading sweeps from outside, while they may be running."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import BaseStorage

from gensweep.errors import UserError, refuse_unreadable
from gensweep.redact import redact
from gensweep.study._former import current_spec, curve_name
from gensweep.study._ledger import entry_of, intended_round
from gensweep.study.journal import stored_journals
from gensweep.trial import TrialRecord, TrialState

DAMAGED = "restore it from a copy, or name another by GENSWEEP_LEDGER"


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepSnapshot:
    """A sweep as the ledger tells of it at one moment; it may be running on."""

    name: str
    spec: dict[str, Any]
    trials: int
    """As many as it was last asked for."""
    confirm: str
    """What was last asked of confirming, as "3x10"; empty: nothing."""
    confirming_trials: int
    map_axis: str
    """Over which stable regions are told; empty if none is, or an earlier version began it."""
    created: float
    versions: dict[str, str]
    """Of the libraries that it was begun with."""
    store: str
    """URI of the object store that it was driven with last; empty if an earlier version did."""
    session: str
    """The word of the driver that began it for itself; empty if an earlier version did."""
    resumed_with: tuple[dict[str, Any], ...]
    """"at" and "versions" of each session whose libraries were not those of the one before."""
    cancelled: bool
    hours: float
    cost: float
    """Money, where an hour had a price."""
    drawn: int
    """Trials that the search has drawn: those that wait for a first lane are not in `records`."""
    unleased: int
    """Trials that wait for a first lane."""
    records: tuple[TrialRecord, ...]
    report: dict[str, Any]
    """What its report states besides trials, as `Study.keep_report` was given it; may be empty."""

    @property
    def protocol(self) -> dict[str, Any]:
        """Statement of how every number is made; empty if an earlier version began it."""
        return dict(self.spec.get("protocol", {}))

    def may_be_in(self, store: str) -> bool:
        """Tell whether the sweep has used the store of this URI, as far as is known."""
        return not self.store or self.store.rstrip("/") == store.rstrip("/")

    @property
    def planned(self) -> int:
        """The trials that it will have, those that confirm included."""
        return self.trials + self.confirming_trials

    @property
    def states(self) -> dict[TrialState, int]:
        """The trials in each state that occurs, in its order, counted as a running sweep does."""
        counts = Counter(record.state for record in self.records)
        counts[TrialState.QUEUED] += self.unleased
        return {state: counts[state] for state in TrialState if counts[state]}

    @property
    def not_begun(self) -> int:
        """The trials that are still to be drawn."""
        return max(0, self.planned - len(self.records) - self.unleased)


def list_sweeps(storage: str) -> list[SweepSnapshot]:
    """Read every sweep in `storage`, newest last; nothing is locked, made or changed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    what = f"the ledger {redact(storage)}"
    with refuse_unreadable(what, DAMAGED), stored_journals(storage) as journals:
        found = [_readable_snapshot(name, journal, what) for journal in journals
                 for name in optuna.get_all_study_names(journal)]  # fmt: skip
    begun = [snapshot for snapshot in found if snapshot is not None]
    return sorted(begun, key=lambda snapshot: snapshot.created)


def read_sweep(name: str, storage: str) -> SweepSnapshot:
    """Read one sweep; `UserError` lists the known names if there is none of that name."""
    snapshots = {each.name: each for each in list_sweeps(storage)}
    if name not in snapshots:
        raise unknown_sweep(name, list(snapshots), storage)
    return snapshots[name]


def _readable_snapshot(name: str, storage: BaseStorage, ledger: str) -> SweepSnapshot | None:
    with refuse_unreadable(f"sweep {name!r} of {ledger}", DAMAGED):
        return _snapshot(name, storage)


def _snapshot(name: str, storage: BaseStorage) -> SweepSnapshot | None:
    """Read a study; None if it was killed while it was being created."""
    study = optuna.load_study(study_name=name, storage=storage)
    facts = study.user_attrs
    if "spec" not in facts:
        return None
    curve = curve_name(facts["spec"])
    trials = study.get_trials(deepcopy=False)
    entries = [entry_of(trial, curve) for trial in trials]
    return SweepSnapshot(
        name=name, spec=current_spec(facts["spec"]), trials=int(facts.get("trials", len(entries))),
        confirm=str(facts.get("confirm", "")),
        confirming_trials=int(facts.get("confirming_trials", 0)),
        map_axis=str(facts.get("map_axis", "")),
        created=float(facts["created"]), versions=facts["versions"],
        store=str(facts.get("store", "")), session=facts.get("session", ""),
        resumed_with=tuple(facts.get("resumed_with", ())), cancelled=bool(facts.get("cancelled")),
        hours=float(facts.get("hours", 0.0)), cost=float(facts.get("cost", 0.0)),
        drawn=sum(intended_round(trial) == 0 for trial in trials),
        unleased=sum(entry is None for entry in entries),
        records=tuple(entry.record() for entry in entries if entry is not None),
        report=dict(facts.get("report", {})),
    )  # fmt: skip


def unknown_sweep(name: str, known: list[str], storage: str) -> UserError:
    """Tell which sweeps there are instead in the ledger that was searched."""
    if known:
        return UserError(f"unknown sweep {name!r}: the known ones are {', '.join(known)}.")
    return UserError(
        f"unknown sweep {name!r}: there is none yet in {redact(storage)}, `make sweep` runs one."
    )
