"""Renders one self-contained HTML file that answers the sweep's question."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
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
    stability_figures,
    variety_curves,
)
from gensweep.report._importances import METHOD as IMPORTANCE_METHOD
from gensweep.report._importances import importances
from gensweep.report._lineage import copies_table, schedules
from gensweep.report._lookup import lookup
from gensweep.report._map_axis import MapAxis
from gensweep.report._outcomes import outcome, rates, strata, titles
from gensweep.report._pareto import METHOD as FRONT_METHOD
from gensweep.report._pareto import pareto_front
from gensweep.report._plane_map import METHOD as PLANE_METHOD
from gensweep.report._published import beside_papers
from gensweep.report._stability_map import map_regions, stability_map
from gensweep.report._stable_regions import METHOD as REGION_METHOD
from gensweep.report._table import Table, TitledTable
from gensweep.report._tables import all_trials, lost_modes, pruned_trials
from gensweep.report._text_table import format_value
from gensweep.report._thresholds import METHOD as THRESHOLD_METHOD
from gensweep.report._thresholds import PAIRED, UNPAIRED, paired_thresholds, thresholds
from gensweep.report._training_curves import METHOD as TRAINING_METHOD
from gensweep.report._training_curves import training_curves
from gensweep.report._typical_trials import typical_trials
from gensweep.report._words import (
    PRUNED_MAP,
    PRUNED_RATES,
    PUBLISHED_METHOD,
    RATE_METHOD,
    answer,
    outcome_rules,
    protocol_json,
    trial_caption,
)
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
    map_axes: Sequence[MapAxis] = (),
    rungs: Mapping[int, bytes] = MappingProxyType({}),
) -> str:
    """Return the report of a sweep as HTML; nothing in it is loaded from elsewhere.

    `objective` ranks the trials, `map_axis` is the hyperparameter that the stability map runs
    over, and `group_by` the one that groups trials. `images` are PNG files by trial number, "real",
    and further ones of the best trial by what they show in words. `scatter_of` names two metrics,
    x and y, and the hyperparameter that shades the dots. `charts` and `tables` are what the
    sweep's script adds. `map_axes`, one or two, stand in the place of the logarithm of `map_axis`.
    `rungs` are samples of the best trial as PNG, by the images seen by then.
    """
    analyses = analyse(facts, trials, objective, group_by)
    return environment().get_template("page.jinja").render(
        facts=facts,
        answer=answer(trials, group_by, objective, map_axis, analyses["importances"]),
        charts=draw_charts(charts),
        tables=tuple(tables),
        outcomes=tuple(Outcome),
        outcome_rules=outcome_rules(facts.protocol),
        **stability(trials, map_axis, group_by, map_axes),
        **analyses,
        coordinates=parallel_coordinates(searched(trials)),
        copies=copies_table(trials),
        schedules=schedules(trials, map_axis),
        **_metric_figures(facts, trials, scatter_of),
        training=training_curves(trials, objective),
        training_method=TRAINING_METHOD,
        samples=samples_of(trials, images, objective),
        over_time=_over_time(trials, images, rungs, objective),
        trials=all_trials(trials, objective, facts.floor_metrics),
        protocol=protocol_json(facts),
        lookup=lookup(facts, trials),
    )  # fmt: skip


def _metric_figures(
    facts: SweepFacts, trials: Sequence[TrialView], scatter_of: tuple[str, str, str | None] | None
) -> dict[str, Any]:
    """Draw one metric against another: of each trial as it samples, and of all trials."""
    pair = facts.protocol.get("curve", ("frechet", "coverage"))
    return {
        "curves": variety_curves(trials, pair, facts.sampling),
        "scatter": scatter_plot(trials, *scatter_of) if scatter_of else None,
        "scatter_of": scatter_of,
    }


def stability(
    trials: Sequence[TrialView], map_axis: str, group_by: str | None, axes: Sequence[MapAxis]
) -> dict[str, Any]:
    """Tell where the sweep is stable, by the template's names."""
    tried = searched(trials)
    found = stability_map(tried, map_axis, group_by, axes)
    names = [axis.name for axis in axes if axis.name != group_by] if axes else [map_axis]
    return {
        "stability_map": found,
        "stability_maps": stability_figures(found) if found else [],
        "plane_method": PLANE_METHOD if len(axes) == 2 else "",
        "pruned_rule": PRUNED_MAP if has_pruned(tried) and len(axes) != 2 else "",
        "not_mapped": found.left_out() if found else "",
        "stable_regions": map_regions(strata(tried, group_by), names, group_by),
        "region_method": REGION_METHOD,
    }


def analyse(
    facts: SweepFacts,
    trials: Sequence[TrialView],
    objective: Objective,
    group_by: str | None,
) -> dict[str, Any]:
    """Tell how often trials converge, what is best, and what decides, by the template's names."""
    tried = searched(trials)
    groups = strata(tried, group_by)
    pairs = paired_thresholds(groups, objective, group_by)
    return {
        "success_rates": Table(*rates(tried, group_by)) if trials else None,
        "rate_rules": (RATE_METHOD, *[PRUNED_RATES] * has_pruned(trials)),
        "pruned_trials": pruned_trials(groups, group_by),
        "configurations": configurations_table(trials, objective, floor=facts.floor_metrics),
        "configuration_rules": (RULE, *[CONFIRM_METHOD] * (len(tried) < len(trials)), METHOD),
        "lost_modes": lost_modes(groups, group_by, facts.protocol),
        "published_method": PUBLISHED_METHOD,
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


def has_pruned(trials: Sequence[TrialView]) -> bool:
    """Return whether a trial was pruned, of which nobody knows how it would have ended."""
    return any(outcome(trial) == Outcome.PRUNED for trial in trials)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """A picture and what it shows."""

    caption: str
    role: str = ""
    """What its trial stands for, in words."""
    png: str
    """The file in base64."""


def samples_of(
    trials: Sequence[TrialView], images: Mapping[str, bytes], objective: Objective
) -> list[Sample]:
    """Pictures of real data, of the best trial and of the one in the middle of each outcome."""
    shown = [(trial_caption(one.trial), one.role, images[number])
             for one in typical_trials(trials, objective)
             if (number := str(one.trial["number"])) in images]  # fmt: skip
    if shown:
        more = {name: png for name, png in images.items() if name != "real" and not name.isdigit()}
        shown += [(f"the best trial's {words}", "", png) for words, png in more.items()]
    if shown and "real" in images:
        shown.insert(0, ("real data", "", images["real"]))
    return [Sample(caption=says, role=role, png=base64.b64encode(png).decode())
            for says, role, png in shown]  # fmt: skip


def _over_time(
    trials: Sequence[TrialView],
    images: Mapping[str, bytes],
    rungs: Mapping[int, bytes],
    objective: Objective,
) -> list[Sample]:
    """Pictures of the best trial at its rungs, up to its end; none of one that had no other."""
    if not rungs:
        return []
    last = {trial["images"]: images[number] for trial in objective.ranked(trials)[:1]
            if (number := str(trial["number"])) in images}  # fmt: skip
    return [Sample(caption=f"after {at:,} images", png=base64.b64encode(png).decode())
            for at, png in {**rungs, **last}.items()]  # fmt: skip


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
    found.globals["print_style"] = Markup((static / "print.css").read_text("utf-8"))
    found.globals["style"] = Markup((static / "style.css").read_text("utf-8"))
    found.globals["reference_style"] = Markup((static / "reference.css").read_text("utf-8"))
    found.globals["script"] = Markup((static / "sort_tables.js").read_text("utf-8"))
    found.globals["trials_script"] = Markup((static / "trials.js").read_text("utf-8"))
    return found
