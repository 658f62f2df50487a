"""A sweep as tables, for a notebook: `gensweep.results.load("NAME")`."""

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gensweep.errors import UserError
from gensweep.intervals import interval_ends
from gensweep.objective import Objective
from gensweep.printable import printable
from gensweep.report import answer, rates
from gensweep.results._read import read_here, refuse_damaged
from gensweep.results._records import trial_views
from gensweep.results._stored_report import floor_of, stored_report
from gensweep.results._table import ranking
from gensweep.study import SweepSnapshot
from gensweep.trial import TrialView

if TYPE_CHECKING:
    import pandas
    import pyarrow

Rows = list[dict[str, Any]]
SHOWN = 10
"""Trials of a notebook's display."""


def load(name: str) -> "LoadedSweep":
    """Read a sweep of this home's ledger, running or ended; `UserError` lists the known ones.

    In a notebook the result shows its answer and its best trials; `trials`, `curves` and
    `artifacts` are pandas data frames, and `table("trials")` and so on pyarrow tables.
    """
    return LoadedSweep(read_here(name))


@dataclass(frozen=True, slots=True)
class LoadedSweep:
    """A sweep as it stood when it was read, in three tables."""

    snapshot: SweepSnapshot

    @property
    def trials(self) -> "pandas.DataFrame":
        """A row for each trial, by its number: what it is, params/NAME and metrics/NAME."""
        return self._frame("trials").set_index("trial")

    @property
    def curves(self) -> "pandas.DataFrame":
        """A row for each value in the course of training: trial, images, name, value.

        Names are those of losses and training metrics, as means over fiftieths of the budget; of
        sweeps of earlier versions since the evaluation before.
        """
        return self._frame("curves")

    @property
    def artifacts(self) -> "pandas.DataFrame":
        """A row for each trial that left weights and samples: where the store has them."""
        return self._frame("artifacts")

    def table(self, name: str) -> "pyarrow.Table":
        """Return the table `trials`, `curves` or `artifacts` of pyarrow.

        A column whose values are of several types, as a hyperparameter's choices may be, has texts.
        """
        import pyarrow

        rows, columns = self._rows(name)
        with refuse_damaged(self.snapshot.name):
            return pyarrow.table({column: _array([row.get(column) for row in rows])
                                  for column in columns})  # fmt: skip

    @property
    def objective(self) -> Objective:
        """The metric that trials are ranked by, and its better end."""
        with refuse_damaged(self.snapshot.name):
            return Objective(**self.snapshot.spec["objective"])

    def _frame(self, name: str) -> "pandas.DataFrame":
        try:
            import pandas
        except ImportError as error:
            raise UserError(f"a data frame needs pandas: pip install pandas, or take the pyarrow "
                            f"table by .table({name!r}).") from error  # fmt: skip
        rows, columns = self._rows(name)
        with refuse_damaged(self.snapshot.name):
            return pandas.DataFrame(rows, columns=columns)

    def _rows(self, name: str) -> tuple[Rows, list[str]]:
        """The rows of a table, and all of its columns, those first that every row has."""
        if name not in TABLES:
            raise UserError(f"there is no table {name!r}: choose from {', '.join(TABLES)}.")
        make, first = TABLES[name]
        with refuse_damaged(self.snapshot.name):
            views = trial_views(self.snapshot.records)
            rows = [row for trial in views for row in make(trial)]
            more = sorted({column for row in rows for column in row} - {*first})
        return rows, [*first, *more]

    def __repr__(self) -> str:
        with refuse_damaged(self.snapshot.name):
            return printable(f"<sweep {self.snapshot.name}: {self._answer()}>")

    def _repr_html_(self) -> str:
        """Show the answer, the rates and the best trials, as notebooks do."""
        with refuse_damaged(self.snapshot.name):
            return self._html()

    def _html(self) -> str:
        ended = self._ended()
        parts = [f"<p><b>{html.escape(self.snapshot.name)}</b>: {html.escape(self._answer())}</p>"]
        if ended:
            parts.append(_html_table(*rates(ended, self._group_by())))
            best = ranking(ended, self.objective, SHOWN, floor_of(self.snapshot))
            parts.append(_html_table(*best))
        return "\n".join(parts)

    def _answer(self) -> str:
        """Return the answer, but for what decides, which takes seconds to measure."""
        stored = stored_report(self.snapshot)
        return answer(self._ended(), stored.group_by, self.objective, stored.map_axis)

    def _ended(self) -> list[TrialView]:
        return trial_views(record for record in self.snapshot.records if record.state.ended)

    def _group_by(self) -> str | None:
        return stored_report(self.snapshot).group_by


def _array(values: Sequence[Any]) -> "pyarrow.Array":
    """Return the values of a column; as texts if Arrow has no type that is of all of them."""
    import pyarrow

    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        return pyarrow.array([None if value is None else str(value) for value in values])


def _trial(trial: TrialView) -> Iterator[dict[str, Any]]:
    told: Mapping[str, Any] = trial
    yield {
        "trial": told["number"],
        **{name: told[name] for name in TRIAL if name != "trial"},
        **{f"params/{name}": value for name, value in trial["params"].items()},
        **{f"metrics/{name}": value for name, value in trial["metrics"].items()},
        **interval_ends(trial["intervals"]),
    }


def _points(trial: TrialView) -> Iterator[dict[str, Any]]:
    for name, points in trial.get("history", {}).items():
        for images, value in points:
            yield {"trial": trial["number"], "images": int(images), "name": name, "value": value}


def _artifact(trial: TrialView) -> Iterator[dict[str, Any]]:
    if kept := trial["kept"]:
        yield {"trial": trial["number"], "place": kept["place"], "step": kept["step"]}


TRIAL = ("trial", "group", "state", "outcome", "cause", "images", "seed", "attempts")
TABLES = {
    "trials": (_trial, TRIAL),
    "curves": (_points, ("trial", "images", "name", "value")),
    "artifacts": (_artifact, ("trial", "place", "step")),
}
"""Table to what makes its rows of a trial, and the columns that it always has."""


def _html_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    from gensweep.report import format_value

    lines = [f"<tr>{''.join(f'<th>{html.escape(cell)}</th>' for cell in head)}</tr>"]
    for row in rows:
        cells = (html.escape(format_value(value)) for value in row)
        lines.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f"<table>{''.join(lines)}</table>"
