"""Makes the report of a sweep anew from the ledger, while it runs or long after."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gensweep.errors import UserError
from gensweep.objective import Objective, searched
from gensweep.report import (
    MapAxis,
    ReportContents,
    StabilityMap,
    rates,
    stability_map,
    typical_trials,
)
from gensweep.results._map_request import mapped, regrouped
from gensweep.results._markdown import markdown_section
from gensweep.results._records import trial_views
from gensweep.results._stored_report import StoredReport, stored_report
from gensweep.space import space_from_json
from gensweep.storage import (
    ObjectStore,
    load_report_pictures,
    load_rung_grids,
    load_sample_grids,
    open_store,
)
from gensweep.study import SweepSnapshot
from gensweep.trial import TrialView


@dataclass(frozen=True, kw_only=True)
class SweepReport:
    """The report of a sweep at one moment, in three formats."""

    snapshot: SweepSnapshot
    stored: StoredReport
    objective: Objective
    trials: Sequence[TrialView]
    """Those that have ended."""

    map_axes: Sequence[MapAxis] = ()
    """Those of the map that was asked for; empty: the sweep's own map."""

    @property
    def stability_map(self) -> StabilityMap | None:
        """The map that the page draws; None where it has none."""
        stored, tried = self.stored, searched(self.trials)
        return stability_map(tried, stored.map_axis, stored.group_by, self.map_axes)

    def html(self) -> str:
        """Return the page, with the pictures that the store of GENSWEEP_STORE still has."""
        images: dict[str, bytes] = {}
        rungs: dict[int, bytes] = {}
        # A store that has none of a trial's pictures has lost the others, or is away: it was waited
        # for once.
        if (store := self._store()) is not None and (
            images := trial_pictures(store, self.trials, self.objective)
        ):
            rungs = rung_pictures(store, self.trials, self.objective, images)
            images |= load_report_pictures(store, self.snapshot.name, self.stored.pictures)
        versions = self.snapshot.versions
        return self.stored.render(
            self.trials, self.objective, versions, images, rungs, self.map_axes
        )

    def _store(self) -> ObjectStore | None:
        """Open the store of GENSWEEP_STORE; None if that names none."""
        uri = os.environ.get("GENSWEEP_STORE", "")
        with suppress(UserError):  # the report goes without pictures
            return open_store(uri, was_there=self.snapshot.may_be_in(uri))
        return None

    def as_json(self) -> dict[str, Any]:
        """Return what the page states but for pictures, and every trial that has ended."""
        stored = self.stored.as_json()
        head, rows = rates(searched(self.trials), self.stored.group_by)
        drawn = self.stability_map
        return {
            "name": self.snapshot.name,
            "answer": self.answer(),
            "metric": self.objective.metric,
            "direction": self.objective.direction,
            "by": self.stored.group_by,
            "rates": [dict(zip(head, row, strict=True)) for row in rows],
            "stability_map": drawn.as_json() if drawn else None,
            **stored["facts"],
            "versions": self.snapshot.versions,
            "charts": stored["charts"],
            "sections": [section.as_json() for section in self.contents.sections],
            "trials": self.trials,
        }

    def markdown(self) -> str:
        """Return what the page states but for pictures; of long tables the first rows."""
        facts = self.stored.facts
        drawn = facts.protocol.get("sampling")
        same = ", ".join(f"{name}={value}" for name, value in facts.not_searched.items())
        parts = [
            f"# {self.snapshot.name}",
            facts.question,
            f"**{self.answer()}**",
            facts.summary,
            f"The same in all trials: {same}." if same else "",
            f"Held out: {facts.held_out}." if facts.held_out else "",
            f"Floor: {facts.floor}." if facts.floor else "",
            f"Trials were drawn by {drawn}." if drawn else "",
            f"Time of the packs' lanes: {facts.lane_time}." if facts.lane_time else "",
            *(part for section in self.contents.sections for part in markdown_section(section)),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"

    @cached_property
    def contents(self) -> ReportContents:
        """Answer and sections of the page, which take seconds to measure."""
        return self.stored.contents(
            self.trials, self.objective, self.snapshot.versions, self.map_axes
        )

    def answer(self) -> str:
        """Return the answer, which says if trials are still to come."""
        says, left = self.contents.answer, self.snapshot.planned - len(self.trials)
        return f"{says} {left} of {self.snapshot.planned} trials have not ended." if left else says


def report_anew(
    snapshot: SweepSnapshot, over: Sequence[str] = (), group_by: str = ""
) -> SweepReport:
    """Gather the report of a sweep from what the ledger tells of it.

    The stability map runs over the one or two searched hyperparameters `over`, and trials are
    grouped by `group_by`, "none": not at all; without them as the sweep says. `UserError` for a
    name that is not searched.
    """
    told, space = snapshot.spec["objective"], space_from_json(snapshot.spec["space"])
    trials = trial_views(record for record in snapshot.records if record.state.ended)
    stored, axes = stored_report(snapshot), list[MapAxis]()
    if group_by:
        stored = regrouped(stored, space, group_by)
    if over:
        stored, axes = mapped(stored, space, over, searched(trials))
    return SweepReport(
        snapshot=snapshot,
        stored=stored,
        objective=Objective(metric=told["metric"], direction=told["direction"]),
        trials=trials,
        map_axes=axes,
    )


def trial_pictures(
    store: ObjectStore, trials: Sequence[TrialView], objective: Objective
) -> dict[str, bytes]:
    """Read the sample grids of those trials that the report shows, by number."""
    return load_sample_grids(store, [one.trial for one in typical_trials(trials, objective)])


def rung_pictures(
    store: ObjectStore,
    trials: Sequence[TrialView],
    objective: Objective,
    images: Mapping[str, bytes],
) -> dict[int, bytes]:
    """Read the sample grids of the best trial at rungs before its last, by images seen.

    None where its last is not in `images`: a store that did not answer is not waited for again.
    """
    best = [trial for trial in objective.ranked(trials)[:1] if str(trial["number"]) in images]
    return {at: png for one in best for at, png in load_rung_grids(store, one).items()}
