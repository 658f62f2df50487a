"""Tells the command to type next."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gensweep.spec import RunRequest
from gensweep.trial import TrialState, TrialView


def next_command(
    request: RunRequest, trials: Sequence[TrialView], planned: int | None = None
) -> str:
    """Return what goes on with the rest of a sweep that was stopped, or doubles its trials.

    `planned` are the trials that the ledger knows it will have: fewer than were asked for where
    fewer configurations could be confirmed. Of a sweep that was confirmed, whose choice is made, it
    doubles the seeds. Empty where all of one configuration's seeds have ended, of which it keeps
    the number.
    """
    sweep = request.sweep
    ended = sum(TrialState(trial["state"]).ended for trial in trials)
    is_best = any(trial["state"] == TrialState.COMPLETED for trial in trials)
    is_done = ended >= (sweep.planned_trials if planned is None else planned)
    if is_done and not sweep.space:
        return ""
    line = f"{_called(request.script)} --resume {sweep.name}{request.placement_options}"
    if sweep.max_cost is not None:  # a bound that was wanted once is wanted again
        line += f" --max-cost {2 * sweep.max_cost:g}"
        line += f" --hourly-price {sweep.hourly_price:g}" if sweep.hourly_price is not None else ""
    if not is_done:
        return line
    if is_best and (asked := sweep.confirmation):
        return f"{line} --confirm {asked.configurations}x{2 * asked.seeds}"
    return f"{line} --trials {2 * sweep.trials}"


def _called(script: str) -> str:
    """How a script is called; a command of ours needs no Python before it."""
    return script if script.startswith("gensweep ") else f"{_python()} {script}"


def _python() -> str:
    """The command that starts this Python from here, whether its environment is active or not."""
    if os.environ.get("VIRTUAL_ENV"):
        return "python"
    here = Path(sys.executable)
    return str(here.relative_to(Path.cwd()) if here.is_relative_to(Path.cwd()) else here)
