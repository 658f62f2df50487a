"""Renders one self-contained HTML file that answers the sweep's question."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from gensweep.best_probability import METHOD
from gensweep.chart import Chart
from gensweep.confirmation import METHOD as CONFIRM_METHOD
from gensweep.objective import Objective, searched
from gensweep.report._best_curves import best_curves
from gensweep.report._charts import draw_charts
from gensweep.report._configurations import RULE, configurations_table
from gensweep.report._facts import SweepFacts
from gensweep.report._figures import (
    parallel_coordinates,
    scatter_plot,
    stability_maps,
    variety_curves,
)
from gensweep.report._importances import METHOD as IMPORTANCE_METHOD
from gensweep.report._importances import importances
from gensweep.report._lineage import copies_table, schedules
from gensweep.report._lookup import lookup
from gensweep.report._outcomes import outcome, rates, strata, titles
from gensweep.report._pareto import METHOD as FRONT_METHOD
from gensweep.report._pareto import pareto_front
from gensweep.report._published import beside_papers
from gensweep.report._stable_regions import METHOD as REGION_METHOD
from gensweep.report._stable_regions import stable_regions
from gensweep.report._table import Table, TitledTable
from gensweep.report._tables import all_trials, lost_modes, pruned_trials
from gensweep.report._text_table import format_value
from gensweep.report._thresholds import METHOD as THRESHOLD_METHOD
from gensweep.report._thresholds import PAIRED, UNPAIRED, paired_thresholds, thresholds
from gensweep.report._training_curves import training_curves
from gensweep.report._words import answer, outcome_rules, protocol_json, trial_caption
from gensweep.trial import Outcome, TrialView

if TYPE_CHECKING:
    from jinja2 import Environment


def build_report(  # noqa: PLR0913 (all but three are keywords)
    facts: SweepFacts,
    trials: Sequence[TrialView],
    images: Mapping[str, bytes],
    *,
    objective: Objective,
    map_axis: str,
    group_by: str | None = None,
    scatter_of: tuple[str, str, str | None] | None = None,
    charts: Iterable[Chart] = (),
    tables: Iterable[TitledTable] = (),
) -> str:
    """Return the report of a sweep as HTML; nothing in it is loaded from elsewhere.

    `objective` ranks the trials, `map_axis` is the hyperparameter that the stability map runs
    over, and `group_by` the one that groups trials. `images` are PNG files by trial number, "real",
    and further ones of the best trial by what they show in words. `scatter_of` names two metrics,
    x and y, and the hyperparameter that shades the dots. `charts` and `tables` are what the
    sweep's script adds.
    """
    analyses = analyse(facts, trials, objective, map_axis, group_by)
    return environment().get_template("page.jinja").render(
        facts=facts,
        answer=answer(trials, group_by, objective, map_axis, analyses["importances"]),
        charts=draw_charts(charts),
        tables=tuple(tables),
        outcomes=tuple(Outcome),
        outcome_rules=outcome_rules(facts.protocol),
        **analyses,
        coordinates=parallel_coordinates(searched(trials)),
        copies=copies_table(trials),
        schedules=schedules(trials, map_axis),
        curves=variety_curves(
            trials, facts.protocol.get("curve", ("frechet", "coverage")), facts.sampling
        ),
        training=training_curves(trials, objective),
        scatter=scatter_plot(trials, *scatter_of) if scatter_of else None,
        scatter_of=scatter_of,
        samples=samples_of(trials, images, objective),
        trials=all_trials(trials, objective, facts.floor_metrics),
        protocol=protocol_json(facts),
        lookup=lookup(facts, trials),
    )  # fmt: skip


def analyse(
    facts: SweepFacts,
    trials: Sequence[TrialView],
    objective: Objective,
    map_axis: str,
    group_by: str | None,
) -> dict[str, Any]:
    """Tell where the sweep is stable, what is best, and what decides, by the template's names."""
    tried = searched(trials)
    groups = strata(tried, group_by)
    pairs = paired_thresholds(groups, objective, group_by)
    return {
        "stability_maps": stability_maps(titles(groups, group_by), map_axis),
        "success_rates": Table(*rates(tried, group_by)) if trials else None,
        "stable_regions": stable_regions(groups, map_axis, group_by),
        "region_method": REGION_METHOD,
        "is_pruned": any(outcome(t) == Outcome.PRUNED for t in trials),
        "pruned_trials": pruned_trials(groups, group_by),
        "configurations": configurations_table(trials, objective, floor=facts.floor_metrics),
        "configuration_rules": (RULE, *[CONFIRM_METHOD] * (len(tried) < len(trials)), METHOD),
        "lost_modes": lost_modes(groups, group_by, facts.protocol),
        "published": beside_papers(facts, next(iter(objective.ranked(trials)), None)),
        "thresholds": thresholds(groups, objective, group_by),
        "paired_thresholds": pairs,
        "threshold_rules": (THRESHOLD_METHOD, PAIRED if pairs else UNPAIRED),
        "best_curves": best_curves(titles(groups, group_by), objective),
        "importances": importances(tried, objective),
        "importance_method": IMPORTANCE_METHOD,
        "front": pareto_front(trials, objective),
        "front_method": FRONT_METHOD,
    }  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A picture and what it shows."""

    caption: str
    png: str
    """The file in base64."""


def samples_of(
    trials: Sequence[TrialView], images: Mapping[str, bytes], objective: Objective
) -> list[Sample]:
    """Pictures of real data, of the best trial and of the first of each kind of failure."""
    pictured = [t for t in trials if str(t["number"]) in images]
    chosen = [t for t in objective.ranked(trials)[:1] if t in pictured]
    for kind in sorted(each for each in Outcome if each.failure):
        chosen += [t for t in pictured if outcome(t) == kind and t not in chosen][:1]
    shown = [(trial_caption(t), images[str(t["number"])]) for t in chosen]
    if shown:
        more = {name: png for name, png in images.items() if name != "real" and not name.isdigit()}
        shown += [(f"the best trial's {words}", png) for words, png in more.items()]
    if shown and "real" in images:
        shown.insert(0, ("real data", images["real"]))
    return [Sample(caption=says, png=base64.b64encode(png).decode()) for says, png in shown]


@cache
def environment() -> "Environment":
    """Return Jinja with our templates; it escapes every value that is no Markup."""
    import jinja2  # 50 ms, which processes that write no report save

    found = jinja2.Environment(
        loader=jinja2.PackageLoader("gensweep.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters["value"] = format_value
    static = files("gensweep.report") / "static"
    found.globals["style"] = Markup((static / "style.css").read_text("utf-8"))
    found.globals["reference_style"] = Markup((static / "reference.css").read_text("utf-8"))
    found.globals["script"] = Markup((static / "sort_tables.js").read_text("utf-8"))
    return found
