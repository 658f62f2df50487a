"""Creating a study, opening a known one, and refusing both."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.study import StudyDirection

from gensweep.errors import UserError
from gensweep.pruners import make_pruner
from gensweep.study._bounded_history import BoundedHistoryStorage
from gensweep.study._former import completed
from gensweep.study._identity import difference
from gensweep.study._ledger import Ledger
from gensweep.study._read import SweepSnapshot, list_sweeps, unknown_sweep
from gensweep.study._sampler import FixableSampler
from gensweep.study._spending import Spent
from gensweep.study._study_spec import BY_NUMBER, DRAWN, StudySpec
from gensweep.study._waiting import COHORTS
from gensweep.study.journal import Journal, only_writer
from gensweep.versions import versions


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedStudy:
    """A stored study that only this process may change, until `exit` is closed."""

    ledger: Ledger
    journal: Journal
    by_number: bool
    """Whether a trial's parameters follow from its number; not in sweeps of earlier versions."""
    cohorts: tuple[int, ...]
    """After how many trials cohorts begin anew: where trials were added, each time."""
    spent: Spent
    """In the sessions before."""
    exit: ExitStack


def create_study(
    spec: StudySpec, location: str, clock: Callable[[], float], session: str = ""
) -> OpenedStudy:
    """Begin a study; `UserError` if its name is taken, before anything is made.

    One that the same `session` began is gone on with: the process that did so has died since.
    """
    if view := _known(location).get(spec.name):
        if session and view.session == session:
            return open_study(spec, location, clock)
        raise _name_taken(spec, view)
    with ExitStack() as stack:
        journal = stack.enter_context(only_writer(location, spec.name))
        # A study without its spec is one whose creation was cut short: it is begun anew.
        study = optuna.create_study(
            study_name=spec.name,
            storage=JournalStorage(journal),
            direction=StudyDirection[spec.objective.direction.upper()],
            load_if_exists=True,
        )
        if "spec" in study.user_attrs:  # begun by another process since we looked
            raise _name_exists(spec.name)
        study.set_user_attr("created", clock())
        study.set_user_attr("versions", versions())
        study.set_user_attr("session", session)
        study.set_user_attr("spec", spec.identity())
        return _opened(study, spec, clock, journal, stack)


def open_study(spec: StudySpec, location: str, clock: Callable[[], float]) -> OpenedStudy:
    """Go on with a known study; `UserError` if it is not known, or asks something else."""
    known = _known(location)
    if spec.name not in known:
        raise unknown_sweep(spec.name, list(known), location)
    asked = spec.identity()
    if changes := difference(completed(known[spec.name].spec, asked), asked):
        raise _differs(spec.name, changes)
    with ExitStack() as stack:
        journal = stack.enter_context(only_writer(location, spec.name))
        study = optuna.load_study(study_name=spec.name, storage=JournalStorage(journal))
        _note_versions(study, clock())
        if study.user_attrs.get("cancelled"):
            study.set_user_attr("cancelled", False)
        return _opened(study, spec, clock, journal, stack)


def _opened(
    study: optuna.Study,
    spec: StudySpec,
    clock: Callable[[], float],
    journal: Journal,
    stack: ExitStack,
) -> OpenedStudy:
    """Put the ledger in front of the study; takes over what `stack` holds."""
    history = BoundedHistoryStorage(study._storage, study._study_id)
    facts = study.user_attrs
    by_number = facts["spec"].get(DRAWN) == BY_NUMBER
    # What a list of configurations leaves open is drawn independently.
    sampler = FixableSampler("random" if by_number else spec.sampler, spec.seed)
    first_rung = spec.rungs[0] if spec.rungs else 1
    bounded = optuna.load_study(
        study_name=spec.name,
        storage=history,
        sampler=sampler,
        pruner=make_pruner(spec.pruner, first_rung, spec.budget_images),
    )
    return OpenedStudy(
        ledger=Ledger(bounded, history, sampler, spec, clock),
        journal=journal,
        by_number=by_number,
        cohorts=_cohorts(facts, spec.budget.trials),
        spent=Spent(hours=float(facts.get("hours", 0.0)), cost=float(facts.get("cost", 0.0))),
        exit=stack.pop_all(),
    )


def _cohorts(facts: Mapping[str, Any], trials: int) -> tuple[int, ...]:
    """Read after how many trials cohorts begin anew; those that are added now begin others."""
    before = facts.get("trials", trials)
    return (*facts.get(COHORTS, ()), *([before] if before < trials else []))


def _known(location: str) -> dict[str, SweepSnapshot]:
    return {view.name: view for view in list_sweeps(location)}


def _name_taken(spec: StudySpec, view: SweepSnapshot) -> UserError:
    """Return the error of a name that is taken: one that has another space is no candidate to
    go on with."""
    changes = difference(view.spec, spec.identity())
    if any(change.startswith("space.") for change in changes):
        return _differs(spec.name, changes)
    return _name_exists(spec.name)


def _name_exists(name: str) -> UserError:
    return UserError(
        f"sweep {name!r} exists: go on with it by --resume {name}, or choose another name."
    )


def _differs(name: str, changes: list[str]) -> UserError:
    what = "space" if any(change.startswith("space.") for change in changes) else "settings"
    return UserError(
        f"sweep {name!r} exists with another {what} ({'; '.join(changes)}): choose another name, "
        "or the same settings."
    )


def _note_versions(study: optuna.Study, now: float) -> None:
    """Keep the libraries' versions if they are not those of the session before."""
    facts: dict[str, Any] = study.user_attrs
    ours = versions()
    later = facts.get("resumed_with", [])
    last = later[-1]["versions"] if later else facts["versions"]
    if ours != last:
        study.set_user_attr("resumed_with", [*later, {"at": now, "versions": ours}])
