"""Finding, making and refusing studies."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.pruners import BasePruner
from optuna.storages import BaseStorage, JournalStorage
from optuna.study import StudyDirection

from gensweep.errors import UserError
from gensweep.pruners import make_pruner
from gensweep.space import all_strata, ordered, space_as_json
from gensweep.study._bounded_history import BoundedHistoryStorage
from gensweep.study._identity import difference, plain
from gensweep.study._ledger import Ledger
from gensweep.study._queue import TrialQueue
from gensweep.study._read import _unknown, list_sweeps
from gensweep.study._sampler import FixableSampler
from gensweep.study.journal._file import Journal
from gensweep.study.journal._open import only_writer
from gensweep.versions import versions

DIRECTIONS = ("minimize", "maximize")


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenedStudy:
    """The parts of an opened study."""

    name: str
    spec: dict[str, Any]
    metric: str
    budget_images: int
    seed: int
    repeats: int
    strata_names: tuple[str, ...]
    ledger: Ledger
    log: Journal
    roster: TrialQueue
    pruner: BasePruner
    cancelled: bool
    hours: float
    cost: float
    exit: ExitStack


def open_study(  # noqa: PLR0913
    name: str,
    space: Mapping[str, Any],
    *,
    storage: str,
    spec: Mapping[str, Any],
    sampler: str,
    seed: int,
    pruner: str | BasePruner | None,
    repeats: int,
    resume: bool,
    strata: tuple[str, ...],
    now: float,
) -> OpenedStudy:
    """Check everything, then open; nothing is made before the checks have passed."""
    metric, direction, budget_images = _read_spec(name, spec, repeats)
    names = ordered(space, strata)
    roster = TrialQueue(all_strata(space, strata), strata, repeats)
    rule = make_pruner(pruner)
    chosen = FixableSampler(sampler, seed)
    identity = plain({**spec, "space": space_as_json(space), "sampler": sampler, "seed": seed,
                      "repeats": repeats, "strata": list(strata)})  # fmt: skip
    _check_name(name, storage, identity, resume=resume)
    with ExitStack() as stack:
        log = stack.enter_context(only_writer(storage, name))
        opened = JournalStorage(log)
        study_id = _make_or_load(name, opened, direction, identity, now)._study_id
        recent = BoundedHistoryStorage(opened, study_id)
        study = optuna.load_study(study_name=name, storage=recent)
        study.sampler, study.pruner = chosen, rule
        facts = study.user_attrs
        ledger = Ledger(study, recent, space=space, names=names, sampler=chosen,
                        objective=metric, budget_images=budget_images)  # fmt: skip
        if facts.get("cancelled"):
            study.set_user_attr("cancelled", False)
        return OpenedStudy(
            name=name, spec=identity, metric=metric, budget_images=budget_images, seed=seed,
            repeats=repeats, strata_names=strata, ledger=ledger, log=log, roster=roster,
            pruner=rule, cancelled=False, hours=float(facts.get("hours", 0.0)),
            cost=float(facts.get("cost", 0.0)), exit=stack.pop_all(),
        )  # fmt: skip


def _read_spec(name: str, spec: Mapping[str, Any], repeats: int) -> tuple[str, str, int]:
    if not name.strip() or any(c in name for c in "/\\\n\t\0"):
        raise UserError(f"the sweep's name {name!r} must be one word without slashes.")
    objective = spec.get("objective")
    if not isinstance(objective, Mapping) or not objective.get("metric"):
        raise UserError(f"the objective {objective!r} must name a metric and a direction.")
    if objective.get("direction") not in DIRECTIONS:
        raise UserError(f"unknown direction {objective.get('direction')!r}: choose from "
                        f"{', '.join(DIRECTIONS)}.")  # fmt: skip
    budget = spec.get("budget_images")
    if not isinstance(budget, int) or budget <= 0:
        raise UserError(f"`0 < budget_images` must hold, but got budget_images={budget!r}.")
    if repeats < 1:
        raise UserError(f"`1 <= repeats` must hold, but got {repeats=}.")
    return str(objective["metric"]), str(objective["direction"]), budget


def _check_name(name: str, storage: str, identity: dict[str, Any], *, resume: bool) -> None:
    known = {view.name: view for view in list_sweeps(storage)}
    if name not in known:
        if resume:
            raise _unknown(name, list(known))
        return
    changes = difference(known[name].spec, identity)
    if changes and (resume or any(c.startswith("space.") for c in changes)):
        what = "space" if any(c.startswith("space.") for c in changes) else "settings"
        raise UserError(f"sweep {name!r} exists with another {what} ({'; '.join(changes)}): "
                        "choose another name, or the same settings.")  # fmt: skip
    if not resume:
        raise UserError(f"sweep {name!r} exists: go on with it by --resume {name}, or choose "
                        "another name.")  # fmt: skip


def _make_or_load(
    name: str, storage: BaseStorage, direction: str, identity: dict[str, Any], now: float
) -> optuna.Study:
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        direction=StudyDirection[direction.upper()],
        load_if_exists=True,
    )
    if "spec" not in study.user_attrs:  # new, or killed while it was being made
        study.set_user_attr("created", now)
        study.set_user_attr("versions", versions())
        study.set_user_attr("spec", identity)
    else:
        _note_versions(study, now)
    return study


def _note_versions(study: optuna.Study, now: float) -> None:
    facts, ours = study.user_attrs, versions()
    later = facts.get("resumed_with", [])
    last = later[-1]["versions"] if later else facts["versions"]
    if ours != last:
        study.set_user_attr("resumed_with", [*later, {"at": now, "versions": ours}])
