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
    doubles the seeds. Where all of one configuration's seeds have ended, of which a sweep keeps the
    number, it shows what became of them.
    """
    sweep = request.sweep
    ended = sum(TrialState(trial["state"]).ended for trial in trials)
    is_best = any(trial["state"] == TrialState.COMPLETED for trial in trials)
    is_done = ended >= (sweep.planned_trials if planned is None else planned)
    if is_done and not sweep.space:
        return f"gensweep {'best' if is_best else 'results --all'} {sweep.name}"
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
    return script if script.startswith("gensweep ") else f"{_python(script)} {script}"


def _python(script: str) -> str:
    """The command that starts this Python, whether its environment is active or not.

    It is told from the current folder, unless the script is told from the root.
    """
    if os.environ.get("VIRTUAL_ENV"):
        return "python"
    here = Path(sys.executable)
    if Path(script).is_absolute() or not here.is_relative_to(Path.cwd()):
        return str(here)
    return str(here.relative_to(Path.cwd()))
