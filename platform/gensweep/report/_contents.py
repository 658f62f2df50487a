"""States what the page of a sweep shows as data: sections of notes and tables, without pictures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gensweep.chart import Chart
from gensweep.objective import Objective, searched
from gensweep.report._best_curves import best_of_k_table
from gensweep.report._charts import chart_table
from gensweep.report._facts import SweepFacts
from gensweep.report._figures import scatter_table, variety_table
from gensweep.report._lineage import copies_table
from gensweep.report._lookup import lookup
from gensweep.report._map_axis import MapAxis
from gensweep.report._outcomes import strata, titles
from gensweep.report._page import analyse, samples_of, stability
from gensweep.report._table import Table, TitledTable
from gensweep.report._tables import all_trials
from gensweep.report._training_curves import training_table
from gensweep.report._words import answer, outcome_rules, protocol_json
from gensweep.trial import TrialView

PICTURES = "Pictures are in the HTML report, where the store has them."
WHOLE_CURVES = "The JSON report has every value, as the `history` of its `trials`."
OF_TRIALS = "The figure shows the hyperparameters and the outcomes of the table of trials."


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A section of the page under the same title."""

    title: str
    notes: Sequence[str] = ()
    tables: Sequence[TitledTable] = ()
    """The title of one is empty where it is that of the section."""
    code: str = ""
    """What stands as it is: JSON, or a command."""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON; the rows of a table are by the names of its columns."""
        tables = [
            {"title": one.title, "caption": one.caption,
             "rows": [dict(zip(one.table.head, row, strict=True)) for row in one.table.rows]}
            for one in self.tables
        ]  # fmt: skip
        return {"title": self.title, "notes": list(self.notes), "tables": tables,
                **({"code": self.code} if self.code else {})}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportContents:
    """The answer and the sections of a report."""

    answer: str
    sections: Sequence[Section]
    """In the order of the page, but the script's own figures, long tables here, stand behind the
    answers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportQuestion:
    """Asks the same of the trials as the arguments of `build_report`."""

    objective: Objective
    map_axis: str
    group_by: str | None = None
    scatter_of: tuple[str, str, str | None] | None = None
    map_axes: Sequence[MapAxis] = ()


def report_contents(
    facts: SweepFacts,
    trials: Sequence[TrialView],
    asked: ReportQuestion,
    charts: Iterable[Chart] = (),
) -> ReportContents:
    """State what `build_report` draws; a section without content is left out there as here."""
    parts = analyse(facts, trials, asked.objective, asked.group_by)
    mapped = stability(trials, asked.map_axis, asked.group_by, asked.map_axes)
    says = answer(trials, asked.group_by, asked.objective, asked.map_axis, parts["importances"])
    sections = (
        *_of_stability(mapped, facts),
        *_of_analyses(parts),
        *_of_quality(parts, trials, asked),
        *_of_charts(charts),
        *_of_trials(facts, trials, asked),
    )
    return ReportContents(answer=says, sections=sections)


def _titled(table: Table, title: str = "", caption: str = "") -> TitledTable:
    return TitledTable(title=title, table=table, caption=caption)


def _of_charts(charts: Iterable[Chart]) -> Iterator[Section]:
    tables = [_titled(chart_table(one), one.title, one.caption) for one in charts]
    if tables:
        yield Section(title="Figures", tables=tables)


def _of_stability(parts: Mapping[str, Any], facts: SweepFacts) -> Iterator[Section]:
    if not parts["stability_maps"]:
        return
    rules, left_out = outcome_rules(facts.protocol), parts["not_mapped"]
    regions = parts["stable_regions"]
    yield Section(
        title="Stability map",
        notes=[note for note in (
            parts["plane_method"], rules, parts["region_method"] if regions else "",
            parts["pruned_rule"], left_out,
        ) if note],
        tables=[*([_titled(regions)] if regions else []),
                _titled(parts["stability_map"].table(), "Outcomes")],
    )  # fmt: skip


def _of_analyses(parts: Mapping[str, Any]) -> Iterator[Section]:
    """State the sections that are a table of the page each, with the rules that stand under it."""
    lost, pairs = parts["lost_modes"], parts["paired_thresholds"]
    told = (
        ("Success rates", parts["success_rates"], parts["rate_rules"]),
        ("Configurations", parts["configurations"], parts["configuration_rules"]),
        ("Pruned trials", parts["pruned_trials"], ()),
        ("Lost modes", lost and lost.table, [f"The data have {lost.total} {lost.kind}."] if lost
         else ()),
        ("Beside the papers", parts["published"], [parts["published_method"]]),
        ("Successes at thresholds", parts["thresholds"], parts["threshold_rules"]),
    )  # fmt: skip
    for title, table, notes in told:
        if table:
            more = [_titled(pairs, "Pairs")] if pairs and table is parts["thresholds"] else []
            yield Section(title=title, notes=notes, tables=[_titled(table), *more])


def _of_quality(
    parts: Mapping[str, Any], trials: Sequence[TrialView], asked: ReportQuestion
) -> Iterator[Section]:
    """State what the search reached, at what cost, and what decided."""
    tried = searched(trials)
    groups = titles(strata(tried, asked.group_by), asked.group_by)
    if curves := parts["best_curves"]:
        yield Section(title="Best of k configurations",
                      notes=[f"{curve.group}: {curve.caption}" for curve in curves],
                      tables=[_titled(best_of_k_table(groups, asked.objective))])  # fmt: skip
    if front := parts["front"]:
        yield Section(title="Quality against cost", notes=[parts["front_method"]],
                      tables=[_titled(front.table)])  # fmt: skip
    if weights := parts["importances"]:
        tables = [_titled(one.table, one.title, one.of) for one in weights]
        yield Section(title="Importance of hyperparameters", notes=[parts["importance_method"]],
                      tables=tables)  # fmt: skip
    if any(trial["params"] for trial in tried):
        yield Section(title="Hyperparameters", notes=[OF_TRIALS])


def _of_trials(
    facts: SweepFacts, trials: Sequence[TrialView], asked: ReportQuestion
) -> Iterator[Section]:
    """State what is told of single trials, and how the sweep was made."""
    if copies := copies_table(trials):
        yield Section(title="Lineage", tables=[_titled(copies)])
    curves = variety_table(trials, facts.protocol.get("curve", ("frechet", "coverage")))
    if curves.rows:
        yield Section(title="Fidelity and variety", tables=[_titled(curves)])
    if asked.scatter_of and (dots := scatter_table(trials, *asked.scatter_of)).rows:
        x, y, _ = asked.scatter_of
        yield Section(title=f"{y} against {x}", tables=[_titled(dots)])
    pictured = {str(trial["number"]): b"" for trial in trials if trial.get("kept")}
    if samples := samples_of(trials, pictured, asked.objective):
        yield Section(title="Samples of the best and of each outcome",
                      notes=[*(sample.caption for sample in samples), PICTURES])  # fmt: skip
    if (training := training_table(trials, asked.objective)).rows:
        yield Section(title="Training by outcome",
                      notes=[WHOLE_CURVES], tables=[_titled(training)])  # fmt: skip
    every = all_trials(trials, asked.objective, facts.floor_metrics)
    yield Section(title="Trials", tables=[_titled(every)])
    if protocol := protocol_json(facts):
        yield Section(title="Protocol", code=protocol)
    if facts.next_command:
        yield Section(title="Next", code=facts.next_command)
    if found := lookup(facts, trials):
        tables = [
            _titled(Table(["name", "meaning"], [list(pair) for pair in texts.items()]), heading)
            for heading, texts in found.items()
        ]
        yield Section(title="What each name means", tables=tables)
