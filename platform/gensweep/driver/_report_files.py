"""Builds the files that a sweep leaves, and stores them: its report, and its trials as JSON."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gensweep.catalog import field_texts, published_figures
from gensweep.chart import Chart
from gensweep.driver._next_command import next_command
from gensweep.errors import UserError
from gensweep.evaluation import TestResult, real_grid
from gensweep.json_text import json_text
from gensweep.objective import Objective
from gensweep.planning import Plan, options_parser, sweep_summary
from gensweep.redact import redact, redact_tree
from gensweep.report import SweepFacts, command_text
from gensweep.results import HYPERPARAMETERS, StoredReport, trial_pictures
from gensweep.samplers import find_sampler
from gensweep.spec import Sweep
from gensweep.storage import open_store, store_report_pictures
from gensweep.study import SweepSnapshot
from gensweep.trial import TrialView

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportFacts:
    """The facts that a report tells of a sweep besides its trials."""

    protocol: Mapping[str, object]
    """How every number was made."""

    next_command: str
    test: TestResult | None
    """Of the best trial, on examples that ranked none."""

    usage: str
    """What the lanes did with their time, in words."""

    floor: str = ""
    """What real examples score in the place of samples, in words."""

    floor_metrics: Mapping[str, float] = field(default_factory=dict)
    """The same by metric."""

    pictures: Mapping[str, bytes]
    """Of the best trial, as PNG, by what they show in words."""


def report_of(
    plan: Plan,
    trials: Sequence[TrialView],
    facts: ReportFacts,
    stored_pictures: Sequence[str],
) -> StoredReport:
    """Gather what the report states besides trials; the ledger keeps it for `gensweep report`."""
    sweep = plan.request.sweep
    return StoredReport(
        facts=_sweep_facts(plan, facts), map_axis=sweep.map_axis, group_by=sweep.group_by,
        scatter=sweep.scatter, charts=tuple(charts_of(sweep, trials)),
        pictures=tuple(stored_pictures),
    )  # fmt: skip


def first_report(plan: Plan, protocol: Mapping[str, object]) -> StoredReport:
    """Gather what is known before any trial has ended, so that a running sweep has a report."""
    facts = ReportFacts(
        protocol=protocol, next_command=redact(next_command(plan.request, ())), test=None,
        usage="", pictures={},
    )  # fmt: skip
    return report_of(plan, (), facts, keep_pictures(plan, {}))


def pictures_of(plan: Plan, best: Mapping[str, bytes]) -> dict[str, bytes]:
    """Collect the pictures that are of no trial's course: real data, and `best`, the best's."""
    return {"real": real_grid(*plan.splits), **best}


def keep_pictures(plan: Plan, best: Mapping[str, bytes]) -> list[str]:
    """Store the pictures; return what those show that the store has."""
    store = open_store(plan.store, was_there=True)  # pictures are not worth ten minutes
    return store_report_pictures(store, plan.request.sweep.name, pictures_of(plan, best))


def build_files(
    plan: Plan,
    snapshot: SweepSnapshot,
    trials: Sequence[TrialView],
    objective: Objective,
    report: StoredReport,
    facts: ReportFacts,
) -> dict[str, bytes]:
    """Render the report and the trials; return their bytes by name."""
    sweep = plan.request.sweep
    store = open_store(plan.store, was_there=True)
    images = trial_pictures(store, trials, objective) | pictures_of(plan, facts.pictures)
    page = report.render(trials, objective, snapshot.versions, images)
    test = facts.test.as_json() if facts.test else {}
    text = json_text({"sweep": sweep.name, "test": test, "trials": trials})
    return {"report.html": page.encode(), "trials.json": text.encode()}


def charts_of(sweep: Sweep, trials: Sequence[TrialView]) -> list[Chart]:
    """Call the script's figures; one that fails costs the report no more than itself."""
    charts: list[Chart] = []
    for make in sweep.figures:
        try:
            charts += list(make(trials))  # all of them, or none
        except Exception as error:
            name = getattr(make, "__name__", repr(make))
            _log.warning("the figure %s is left out: %r", name, error)
    return charts


def _sweep_facts(plan: Plan, facts: ReportFacts) -> SweepFacts:
    """State the sweep for its report, without secrets."""
    sweep = plan.request.sweep
    stated = SweepFacts(
        name=sweep.name,
        summary=sweep_summary(plan),
        not_searched=fixed_values(sweep),
        held_out=facts.test.text() if facts.test else "",
        test=facts.test.as_json() if facts.test else {},
        published=_published(plan),
        floor=facts.floor,
        floor_metrics=facts.floor_metrics,
        lane_time=facts.usage,
        protocol={
            **facts.protocol,
            "sampling": find_sampler(sweep.sampler).sentence,
            "threads": sweep.threads,
        },
        sampling={one.name: {"title": one.title, "log": one.log} for one in sweep.sampling},
        seed=sweep.seed,
        next_command=facts.next_command,
        lookup={
            HYPERPARAMETERS: field_texts(sweep.model),
            "Options": option_texts(sweep, facts.next_command),
        },
    )
    return SweepFacts(**redact_tree(asdict(stated)))


def _published(plan: Plan) -> list[dict[str, Any]]:
    """Return the papers' figures of the model on the sweep's data."""
    told = published_figures(plan.request.sweep.model)
    return [figure for figure in told if figure["data"] == plan.dataset.name]


def option_texts(sweep: Sweep, command: str) -> dict[str, str]:
    """Say what each option of a sweep's command line does, as it is typed in `--help`."""
    typed = set(command.split())
    told = command_text("", "", options_parser("", sweep)).options
    return {one.usage: one.help for one in told if typed & set(one.flags)}


def fixed_values(sweep: Sweep) -> dict[str, str]:
    """Every hyperparameter that was not searched, and its value."""
    question = sweep.identity()
    return {**question["fixed"], **question["defaults"]}


def store_files(plan: Plan, files: Mapping[str, bytes]) -> str:
    """Put the files into the store; return where they are, or why they are not."""
    folder = f"sweeps/{plan.request.sweep.name}"
    try:
        store = plan.open_store()
        for name, data in files.items():
            store.put(f"{folder}/{name}", data)
    except UserError as error:
        return f"nothing: {redact(str(error))}"
    return redact(f"{plan.store}/{folder}/")
