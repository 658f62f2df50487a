"""What a report states of a sweep besides its trials, as the ledger keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from gensweep.catalog import catalog, field_texts, published_figures
from gensweep.chart import Chart
from gensweep.objective import Objective
from gensweep.report import (
    ReportContents,
    ReportQuestion,
    SweepFacts,
    build_report,
    report_contents,
)
from gensweep.samplers import find_sampler
from gensweep.sampling_fields import sampling_fields
from gensweep.study import SweepSnapshot, plain
from gensweep.trial import TrialView

HYPERPARAMETERS = "Hyperparameters"
"""Heading of what a report's reader can look up of the model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredReport:
    """Holds what `build_report` needs beside trials and pictures; JSON and back changes nothing.

    The driver keeps it in the ledger when a sweep begins and again when it ends, and renders its
    own report of it, so that `gensweep report` writes the same page.
    """

    facts: SweepFacts
    """Without versions, which the ledger knows by itself."""
    map_axis: str = ""
    group_by: str | None = None
    scatter: tuple[str, str, str | None] | None = None
    charts: tuple[Chart, ...] = ()
    """Of the script's figures, of the trials that had ended."""
    pictures: tuple[str, ...] = ()
    """What the pictures show that the store has beside those of trials."""

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return dict(plain(asdict(self)))

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        scatter = stored["scatter"]
        return cls(
            facts=SweepFacts(**stored["facts"]),
            map_axis=stored["map_axis"],
            group_by=stored["group_by"],
            scatter=(scatter[0], scatter[1], scatter[2]) if scatter else None,
            charts=tuple(Chart(**{**c, "names": tuple(c["names"])}) for c in stored["charts"]),
            pictures=tuple(stored["pictures"]),
        )

    def render(
        self,
        trials: Sequence[TrialView],
        objective: Objective,
        versions: Mapping[str, str],
        images: Mapping[str, bytes],
    ) -> str:
        """Return the page of the trials that have ended; `images` as of `build_report`."""
        one = self.from_json(self.as_json())  # lists in the place of tuples, as when it is read
        return build_report(
            replace(one.facts, versions=versions), trials, images, objective=objective,
            map_axis=one.map_axis, group_by=one.group_by, scatter_of=one.scatter,
            charts=one.charts,
        )  # fmt: skip

    def contents(
        self, trials: Sequence[TrialView], objective: Objective, versions: Mapping[str, str]
    ) -> ReportContents:
        """Return what the page of the same trials says, as data."""
        asked = ReportQuestion(objective=objective, map_axis=self.map_axis,
                               group_by=self.group_by, scatter_of=self.scatter)  # fmt: skip
        return report_contents(replace(self.facts, versions=versions), trials, asked, self.charts)


def stored_report(snapshot: SweepSnapshot) -> StoredReport:
    """Return what the ledger has; of a sweep of an earlier version what follows from its spec."""
    if snapshot.report:
        return StoredReport.from_json(snapshot.report)
    spec, model = snapshot.spec, catalog().get(snapshot.spec["model"])
    protocol = dict(spec.get("protocol", {}))
    if "sampler" in spec:
        protocol["sampling"] = find_sampler(spec["sampler"]).sentence
    if "threads" in spec:
        protocol["threads"] = spec["threads"]
    facts = SweepFacts(
        name=snapshot.name,
        summary=_summary(snapshot),
        not_searched={**spec.get("fixed", {}), **spec.get("defaults", {})},
        protocol=protocol,
        sampling={one.name: {"title": one.title, "log": one.log}
                  for one in (sampling_fields(model.config) if model else ())},
        seed=spec.get("seed"),
        published=[figure for figure in (published_figures(model) if model else ())
                   if figure["data"] == spec["data"]],
        lookup={HYPERPARAMETERS: field_texts(model)} if model else {},
    )  # fmt: skip
    return StoredReport(facts=facts, map_axis=_usual_axis(spec), group_by=spec.get("by"))


def floor_of(snapshot: SweepSnapshot) -> dict[str, float]:
    """Return by metric what real examples score; empty of a sweep that has not told it."""
    found: dict[str, float] = snapshot.report.get("facts", {}).get("floor_metrics", {})
    return found


def _summary(snapshot: SweepSnapshot) -> str:
    spec = snapshot.spec
    data = (
        f"{spec['data']}, sha256 {spec['data_hash'][:12]}" if "data_hash" in spec else spec["data"]
    )
    return (f"{snapshot.trials} trials of {spec['model']} on {data}; {spec['budget_images']:,} "
            f"examples a trial; searched: {', '.join(spec['space']) or 'nothing'}.")  # fmt: skip


def _usual_axis(spec: Mapping[str, Any]) -> str:
    """The first searched number above 0, over which a map can run; empty: there is none."""
    for name, dimension in spec["space"].items():
        values = dimension.get("choices", [dimension.get("low")])
        if all(type(value) in (int, float) and value > 0 for value in values):
            return str(name)
    return ""
