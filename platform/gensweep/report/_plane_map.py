"""Draws a stability map of two hyperparameters: trials in the plane, on cells that count them."""

from collections.abc import Sequence

from markupsafe import Markup

from gensweep.report._map_axis import MapAxis
from gensweep.report._outcomes import SuccessRate, outcome, success_rate
from gensweep.report._stability_map import Cell, StabilityMap, cell_words
from gensweep.report._svg import Point, element, figure, text
from gensweep.trial import Outcome, TrialView

RIGHT, TOP, FLOOR = 660, 44, 374
"""Ends of the frame, in units of SVG."""
LETTER, LONGEST = 6.2, 16
"""Width of a letter, and the most letters of a tick; a longer one ends in an ellipsis."""
FAINTEST, DARKEST = 0.04, 0.5
"""Opacity of a cell where none and where all converged."""

METHOD = (
    "A mark is a trial. A cell says how many of its trials converged, of those whose end is known, "
    "and its colour is the deeper, the greater that share; pruned trials are unknown, not failed. "
    "Marks are spread over the band of a choice. Regions are told along each hyperparameter by "
    "itself."
)


class Frame:
    """The frame of a plane: places shares of two axes in the drawing."""

    def __init__(self, across: MapAxis, up: MapAxis):
        """Leave as much room at the left as the ticks there need."""
        self._across, self._up = across, up
        self._left = 20 + LETTER * max(len(_cut(words)) for _, words in up.ticks())

    def point(self, across: float, up: float) -> Point:
        """Return where two shares stand."""
        return self._left + (RIGHT - self._left) * across, FLOOR - (FLOOR - TOP) * up

    def corners(self, cell: Cell) -> tuple[Point, Point]:
        """Return the upper left and the lower right corner of a cell."""
        across, up = self._across.bounds, self._up.bounds
        return (self.point(across[cell[0]], up[cell[1] + 1]),
                self.point(across[cell[0] + 1], up[cell[1]]))  # fmt: skip

    def place(self, trial: TrialView) -> Point:
        """Return where a trial stands."""
        across, up = self._across, self._up
        # Two orders of the trials, lest those of two choices stand on a line.
        return self.point(across.place(trial["params"][across.name], trial["number"]),
                          up.place(trial["params"][up.name], trial["number"] ** 2))  # fmt: skip

    def draw(self) -> list[Markup]:
        """Return the lines, the ticks and the names of the axes."""
        across = [text(self.point(at, 0)[0], FLOOR + 16, _cut(words))
                  for at, words in self._across.ticks()]  # fmt: skip
        up = [text(self._left - 6, self.point(0, at)[1] + 4, _cut(words), "end")
              for at, words in self._up.ticks()]  # fmt: skip
        lines = element("path", d=f"M{self._left:.1f} {TOP}V{FLOOR}H{RIGHT}", class_="axis")
        middle = self.point(0.5, 0)[0]
        names = [text(middle, FLOOR + 36, self._across.name), text(8, 36, self._up.name, "start")]
        return [lines, *across, *up, *names]


def plane_map(found: StabilityMap, trials: Sequence[TrialView], label: str) -> Markup:
    """Draw the cells, then the marks of the trials of a group, then what the cells count."""
    frame, cells = Frame(*found.axes), found.cells(trials)
    rated = [(cell, success_rate(group)) for cell, group in cells.items()]
    parts = [_cell(frame.corners(at), rate, f"{found.words(at)}: {cell_words(rate)}")
             for at, rate in rated]  # fmt: skip
    parts += [_mark(frame.place(trial), outcome(trial), _title(found, trial))
              for group in cells.values() for trial in group]  # fmt: skip
    parts += [line for at, rate in rated for line in _counts(frame.corners(at), rate)]
    return figure(RIGHT + 20, FLOOR + 46, [*parts, *frame.draw(), *_legend()], label)


def _cell(corners: tuple[Point, Point], rate: SuccessRate, title: str) -> Markup:
    (left, top), (right, floor) = corners
    ended = rate.trials - rate.pruned
    shade = FAINTEST + (DARKEST - FAINTEST) * rate.converged / ended if ended else 0
    return element("rect", title=title, x=f"{left:.1f}", y=f"{top:.1f}", class_="cell",
                   width=f"{right - left:.1f}", height=f"{floor - top:.1f}",
                   fill_opacity=f"{shade:.2f}")  # fmt: skip


def _counts(corners: tuple[Point, Point], rate: SuccessRate) -> list[Markup]:
    """Write what a cell counts into its corner, where there is room."""
    (left, top), (right, floor) = corners
    ended = rate.trials - rate.pruned
    lines = [f"{rate.converged} of {ended}"] * bool(ended)
    lines += [f"{rate.pruned} unknown"] * bool(rate.pruned)
    rows = [(line, top + 11 + 10 * row) for row, line in enumerate(lines)]
    return [element("text", line, x=f"{left + 4:.1f}", y=f"{y:.1f}", class_="count")
            for line, y in rows if LETTER * len(line) < right - left and y < floor]  # fmt: skip


def _title(found: StabilityMap, trial: TrialView) -> str:
    values = (f"{axis.name} {_value(trial['params'][axis.name])}" for axis in found.axes)
    return f"trial {trial['number']}: {outcome(trial)}, {', '.join(values)}"


def _value(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _mark(at: Point, ended: Outcome, title: str = "") -> Markup:
    """Draw a dot for what converged, a ring for what is unknown, and a cross for all else."""
    x, y = at
    if ended in (Outcome.CONVERGED, Outcome.PRUNED):
        shape = "dot converged" if ended == Outcome.CONVERGED else "ring"
        return element("circle", title=title, cx=f"{x:.1f}", cy=f"{y:.1f}", r=4.5,
                       class_=f"trial {shape}")  # fmt: skip
    cross = f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8"
    return element("path", title=title, d=cross, class_="cross")


def _legend() -> list[Markup]:
    """Tell the marks, at the left, where a narrow screen begins."""
    told = ((Outcome.CONVERGED, "converged", 14), (Outcome.DIVERGED, "did not converge", 98),
            (Outcome.PRUNED, "pruned: unknown", 218))  # fmt: skip
    return [part for ended, words, x in told
            for part in (_mark((x, 10), ended), text(x + 10, 14, words, "start"))]  # fmt: skip


def _cut(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
