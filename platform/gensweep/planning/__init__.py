"""Before anything starts: the command line, every check against the world, and the plan.

Runs in: the script's process.
"""

from gensweep.planning._command_line import options_parser, parse_request
from gensweep.planning._estimate import Estimate
from gensweep.planning._plan import Plan
from gensweep.planning._plan_text import plan_text, sweep_summary
from gensweep.planning._prepare import prepare

__all__ = [
    "Estimate",
    "Plan",
    "options_parser",
    "parse_request",
    "plan_text",
    "prepare",
    "sweep_summary",
]
