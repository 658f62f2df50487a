"""`gensweep compare A B`: two sweeps side by side, if they were measured alike."""

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gensweep.json_text import json_text

if TYPE_CHECKING:
    from gensweep.results import Comparison, SweepDifference, SweepSide

CAUSES = 4
"""Differences that a refusal names."""
SHOWN = 60
"""Characters of a value that a line tells."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "compare", help="two sweeps side by side",
        description="Set two sweeps side by side: success rates with their intervals, the best "
        "configuration, what was searched, and what each was asked otherwise. Sweeps whose "
        "protocols, data or metrics differ are refused (exit status 2), each field beside the "
        "other's: their numbers mean different things.",
    )  # fmt: skip
    parser.add_argument("a", metavar="A", help="a sweep's name; `gensweep list` shows them")
    parser.add_argument("b", metavar="B", help="the other sweep's name")
    parser.add_argument("--json", action="store_true",
                        help="as JSON; of sweeps that are refused, how they differ")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.results import compare, read_here, refuse_damaged

    a, b = read_here(args.a), read_here(args.b)
    with refuse_damaged(args.a, args.b):
        found = compare(a, b)
        sections = [] if found.protocol else _sections(found)
        text = json_text(found.as_json()) if args.json else "\n\n".join(sections)
    if text:
        print(text)
    if found.protocol:
        raise UserError(
            f"sweeps {args.a!r} and {args.b!r} cannot be compared, for they were measured "
            f"differently: {_causes(found)}. Sweep one again as the other, or look at each by "
            "`gensweep report`."
        )
    return 0


def _causes(found: "Comparison") -> str:
    """Name the differences that a user knows by name, and count the others."""
    told = [_shown(one) for one in sorted(found.protocol, key=_rank)]
    left = len(told) - CAUSES
    return "; ".join(told[:CAUSES]) + (f"; and {left} more, which --json lists" if left > 0 else "")


def _rank(one: "SweepDifference") -> int:
    """Sort by what decides the rest: the data and the metric, and at last what follows of them."""
    if "hash" in one.field or one.field.startswith("protocol.copied."):
        return 2
    return 0 if one.field.startswith(("objective.", "protocol.dataset")) else 1


def _shown(one: "SweepDifference") -> str:
    """Write a field with the value of each sweep; long ones are cut."""
    a, b = (text if len(text) <= SHOWN else text[: SHOWN - 1] + "…" for text in (one.a, one.b))
    field = one.field.removeprefix("protocol.").removeprefix("objective.")
    return f"{field}: {a} against {b}"


def _sections(found: "Comparison") -> list[str]:
    from gensweep.report import output_width, text_table

    a, b = found.sweeps
    width = output_width()
    sections = [text_table(["", a.name, b.name], _facts(found), width), _rates(found.sweeps, width)]
    if not found.space:
        sections.append("searched the same space")
    for head, differences in (("hyperparameter", found.space), ("asked otherwise", found.settings)):
        if differences:
            rows = [[one.field, one.a, one.b] for one in differences]
            sections.append(text_table([head, a.name, b.name], rows, width))
    return sections


def _facts(found: "Comparison") -> list[list[object]]:
    """Rows of what each sweep is, and of its best configuration."""
    sides = found.sweeps
    names = sorted({name for side in sides if side.best for name in side.best.params})
    rows: list[list[object]] = [
        ["model", *(side.model for side in sides)],
        ["data", *(side.data for side in sides)],
        ["trials ended", *(f"{side.ended} of {side.trials}" for side in sides)],
        ["examples a trial", *(f"{side.budget_images:,}" for side in sides)],
        ["hours", *(f"{side.hours:.2f}" for side in sides)],
        *_floors(found),
        [f"best {found.metric}", *(_best(side, found.metric) for side in sides)],
    ]
    for name in names:
        rows.append([f"  {name}", *(_param(side, name) for side in sides)])
    return rows


def _floors(found: "Comparison") -> list[list[object]]:
    """The row of what real examples score; none where neither sweep measured it."""
    from gensweep.report import format_value

    floors = [side.floor for side in found.sweeps]
    told = ["" if floor is None else format_value(floor) for floor in floors]
    return [[f"real data's {found.metric}", *told]] if any(told) else []


def _best(side: "SweepSide", metric: str) -> str:
    from gensweep.report import interval_text

    if side.best is None:
        return "none is ranked"
    seeds = f", mean of {len(side.best.values)} seeds" if side.best.trials > 1 else ""
    sure = side.best.trial["intervals"].get(metric) if side.best.trials == 1 else None
    interval = f", 95 % interval {interval_text(sure)}" if sure else ""
    return f"{side.best.value:.4g} (trial {side.best.trial['number']}{seeds}{interval})"


def _param(side: "SweepSide", name: str) -> object:
    from gensweep.report import format_value

    return format_value(side.hyperparameters.get(name, ""))


def _rates(sides: Sequence["SweepSide"], width: int | None) -> str:
    """Rates by group; groups of the same name stand in one row if both count by the same."""
    from gensweep.report import text_table

    a, b = sides
    if a.by != b.by:
        tables = []
        for side in sides:
            head = [f"{side.name}, by {side.by or 'nothing'}", "trials", "rate", "95 % interval"]
            rows = [[row["group"], *_cells(row)] for row in side.rates]
            tables.append(text_table(head, rows, width))
        return "\n\n".join(tables)
    mine, other = ({str(row["group"]): row for row in side.rates} for side in sides)
    rows = [[name, *_cells(mine.get(name)), *_cells(other.get(name))]
            for name in sorted({*mine, *other})]  # fmt: skip
    heads = [f"{side.name}: {what}" for side in sides for what in ("trials", "rate", "95 %")]
    return text_table([a.by or "", *heads], rows, width)


def _cells(row: Mapping[str, object] | None) -> list[object]:
    return [row["trials"], row["rate"], row["95 % interval"]] if row else ["", "", ""]
