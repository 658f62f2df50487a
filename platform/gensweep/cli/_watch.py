"""`gensweep watch NAME`: a running sweep in the terminal."""

import argparse
import shutil
import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from gensweep.cli._json_answer import add_json
from gensweep.json_text import json_text
from gensweep.printable import printable

if TYPE_CHECKING:
    from gensweep.results import SweepProgress

EVERY_S = 3.0
SHARE = 0.1
"""Of the time, at most, that reading the ledger takes: a long one is read less often."""
UP, CLEAR = "\x1b[{}A", "\x1b[J"
"""Moves the cursor up by so many lines; clears what is below it."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "watch", help="follow a running sweep in the terminal",
        description="Follow a sweep that runs anywhere on this ledger: trials by state, the best "
        "so far, the pace, the time left, and what it waits for. A terminal shows a table that is "
        "drawn anew; a pipe or a log gets a line whenever something changed. Ends when the sweep "
        "does. Ctrl-C stops watching and leaves the sweep alone.",
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--every", type=float, default=EVERY_S, metavar="S",
                        help=f"seconds between two looks (default {EVERY_S:g})")  # fmt: skip
    add_json(parser, "a line whenever something changed, until the end")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.results import (
        PaceMeter,
        SweepProgress,
        is_driven_here,
        read_here,
        refuse_damaged,
    )

    if not 0 < args.every < 3600:
        raise UserError(f"`0 < every < 3600` must hold, but got --every {args.every:g}.")
    screen, pace = Screen(sys.stdout.isatty() and not args.json), PaceMeter()
    before: SweepProgress | None = None
    while True:
        began = time.monotonic()
        snapshot = read_here(args.name)
        with refuse_damaged(args.name):
            progress = SweepProgress.of(snapshot)
        # The lock is asked for only while nothing moves: see `is_driven`.
        idle = progress.is_complete or progress == before
        over = idle and not is_driven_here(args.name)
        if progress != before or over or screen.is_terminal:
            with refuse_damaged(args.name):
                rate = pace.update(progress, began)
                tell = _json_line if args.json else _lines
                lines = tell(progress, rate, over)
            screen.show(lines)
        if over:
            return 0
        before = progress
        time.sleep(max(args.every, (time.monotonic() - began) / SHARE))


class Screen:
    """Shows a few lines again and again: in place on a terminal, joined to one anywhere else."""

    def __init__(self, is_terminal: bool) -> None:
        self.is_terminal = is_terminal
        self._height = 0

    def show(self, lines: list[str]) -> None:
        """Write the lines in the place of the last ones."""
        lines = [printable(line) for line in lines]
        if not self.is_terminal:
            print("  |  ".join(lines), flush=True)
            return
        width = shutil.get_terminal_size().columns
        cut = [line if len(line) < width else line[: max(0, width - 2)] + "…" for line in lines]
        above = UP.format(self._height) + "\r" if self._height else ""
        print(above + CLEAR + "\n".join(cut), flush=True)
        self._height = len(cut)


def _lines(progress: "SweepProgress", rate: float, over: bool) -> list[str]:
    """Say all of a moment in lines that each can stand alone."""
    states = "  ".join(f"{count} {state}" for state, count in progress.states.items())
    best = "no result yet"
    if progress.best is not None:
        best = f"best {progress.metric} {progress.best:.4g}, trial {progress.best_trial}"
    return [
        f"{time.strftime('%H:%M:%S')}  {progress.name}: {progress.model} on {progress.data}",
        states,
        best,
        _pace(progress, rate, over),
        _next(progress, over),
    ]


def _json_line(progress: "SweepProgress", rate: float, over: bool) -> list[str]:
    """Tell all of a moment as one line of JSON; what is not known yet is null."""
    told = asdict(progress) | {
        "time": time.time(),
        "images_per_s": rate or None,
        "seconds_left": _seconds_left(progress, rate, over),
        "complete": progress.is_complete,
        "over": over,
        "next": _next(progress, over),
    }
    return [json_text(told, indent=None)]


def _seconds_left(progress: "SweepProgress", rate: float, over: bool) -> float | None:
    return None if over or not rate else progress.images_left / rate


def _pace(progress: "SweepProgress", rate: float, over: bool) -> str:
    seen, left = f"{progress.images:,} examples", _seconds_left(progress, rate, over)
    if left is None:
        return f"{seen} in {progress.hours:.2f} h"
    return f"{seen}, {rate:,.0f}/s, {left:,.0f} s left"


def _next(progress: "SweepProgress", over: bool) -> str:
    return _end(progress) if over else f"waits for {progress.waits_for()}"


def _end(progress: "SweepProgress") -> str:
    from gensweep.driver_record import DriverRecord
    from gensweep.home import find_home

    if progress.is_complete:
        return f"ended: gensweep report {progress.name} --out {progress.name}.html"
    left = DriverRecord.read(find_home().spool(progress.name))
    if left is not None and left.job and not left.after:
        return (f"nobody drives it: if job {left.job} was killed, {left.job}-resumed goes on in a "
                f"moment, and else {left.command}")  # fmt: skip
    command = left.command if left is not None else f"--resume {progress.name} of its script"
    return f"nobody drives it: {command} goes on"
