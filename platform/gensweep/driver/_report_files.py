"""The files that a sweep leaves: its report and its trials as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from gensweep.errors import UserError
from gensweep.evaluation import real_grid, told
from gensweep.objective import Objective
from gensweep.planning import Plan
from gensweep.report import SweepFacts, build_report
from gensweep.results import typical_failures
from gensweep.samplers import find_sampler
from gensweep.spec import RunRequest, Sweep
from gensweep.storage import grids, open_store
from gensweep.study import SweepSnapshot
from gensweep.tracking import redact, redact_tree
from gensweep.trial import TrialView


def written(
    request: RunRequest,
    plan: Plan,
    view: SweepSnapshot,
    trials: Sequence[TrialView],
    objective: Objective,
    about: dict[str, Any],
) -> dict[str, bytes]:
    """The files that a sweep leaves."""
    sweep = request.sweep
    pictured = [*objective.ranked(trials)[:1], *typical_failures(trials, objective.metric)]
    page = build_report(
        sweep_facts(sweep, view, about),
        trials,
        grids(plan.store, pictured) | {"real": real_grid(*plan.splits)},
        objective=objective,
        over=sweep.map_axis,
        by=sweep.group_by,
        scatter_of=sweep.scatter,
    )
    text = json.dumps({"sweep": sweep.name, "test": about["test"], "trials": trials}, indent=1)
    return {"report.html": page.encode(), "trials.json": text.encode()}


def sweep_facts(sweep: Sweep, view: SweepSnapshot, about: dict[str, Any]) -> SweepFacts:
    """State the sweep for its report, without secrets."""
    facts = SweepFacts(
        name=sweep.name,
        summary=about["about"],
        not_searched=trained(sweep),
        held_out=told(about["test"]) if about["test"] else "",
        lane_time=about["lanes"],
        protocol=about["protocol"] | {"sampling": find_sampler(sweep.sampler).sentence},
        versions=view.versions,
        seed=sweep.seed,
        next_command=about["next"],
    )
    return SweepFacts(**redact_tree(asdict(facts)))


def trained(sweep: Sweep) -> dict[str, str]:
    """Every hyperparameter that was not searched, and its value."""
    question = sweep.identity()
    return {**question["fixed"], **question["defaults"]}


def stored(plan: Plan, files: dict[str, bytes]) -> str:
    """Put the files into the store; where they are, or why they are not."""
    folder = f"sweeps/{plan.request.sweep.name}"
    try:
        store = open_store(plan.store)
        for name, data in files.items():
            store.put(f"{folder}/{name}", data)
    except UserError as error:
        return f"nothing: {redact(str(error))}"
    return redact(f"{plan.store}/{folder}/")
