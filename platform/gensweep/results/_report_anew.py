"""Makes the report of a sweep anew from the ledger, while it runs or long after."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gensweep.errors import UserError
from gensweep.objective import Objective, searched
from gensweep.report import ReportContents, rates
from gensweep.results._markdown import markdown_section
from gensweep.results._records import trial_views, typical_failures
from gensweep.results._stored_report import StoredReport, stored_report
from gensweep.storage import (
    ObjectStore,
    load_report_pictures,
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

    def html(self) -> str:
        """Return the page, with the pictures that the store of GENSWEEP_STORE still has."""
        images: dict[str, bytes] = {}
        if (store := self._store()) is not None:
            images = trial_pictures(store, self.trials, self.objective)
            images |= load_report_pictures(store, self.snapshot.name, self.stored.pictures)
        return self.stored.render(self.trials, self.objective, self.snapshot.versions, images)

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
        return {
            "name": self.snapshot.name,
            "answer": self.answer(),
            "metric": self.objective.metric,
            "direction": self.objective.direction,
            "by": self.stored.group_by,
            "rates": [dict(zip(head, row, strict=True)) for row in rows],
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
        return self.stored.contents(self.trials, self.objective, self.snapshot.versions)

    def answer(self) -> str:
        """Return the answer, which says if trials are still to come."""
        says, left = self.contents.answer, self.snapshot.planned - len(self.trials)
        return f"{says} {left} of {self.snapshot.planned} trials have not ended." if left else says


def report_anew(snapshot: SweepSnapshot) -> SweepReport:
    """Gather the report of a sweep from what the ledger tells of it."""
    told = snapshot.spec["objective"]
    return SweepReport(
        snapshot=snapshot,
        stored=stored_report(snapshot),
        objective=Objective(metric=told["metric"], direction=told["direction"]),
        trials=trial_views(record for record in snapshot.records if record.state.ended),
    )


def trial_pictures(
    store: ObjectStore, trials: Sequence[TrialView], objective: Objective
) -> dict[str, bytes]:
    """Read the sample grids of the best trial and of one of each kind of failure, by number."""
    pictured = [*objective.ranked(trials)[:1], *typical_failures(trials, objective.metric)]
    return load_sample_grids(store, pictured)
