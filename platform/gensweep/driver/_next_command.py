"""The command to type next."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gensweep.spec import RunRequest
from gensweep.trial import TERMINAL, TrialView


def next_line(request: RunRequest, trials: Sequence[TrialView]) -> str:
    """What to type next: the rest of a sweep that was stopped, or twice its trials."""
    ended = sum(trial["state"] in TERMINAL for trial in trials)
    line = f"{python()} {request.script} --resume {request.sweep.name}{request.placement_options}"
    if request.sweep.max_cost is not None:  # a bound that was wanted once is wanted again
        line += f" --max-cost {2 * request.sweep.max_cost:g}"
        price = request.sweep.hourly_price
        line += f" --hourly-price {price:g}" if price is not None else ""
    return line if ended < request.sweep.trials else f"{line} --trials {2 * request.sweep.trials}"


def python() -> str:
    """What starts this Python from here, in a shell where its environment may not be active."""
    if os.environ.get("VIRTUAL_ENV"):
        return "python"
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)
