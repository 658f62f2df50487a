"""The specification of a run: a sweep, and the resources and options that it is run with.

Runs in: every process.
"""

from gensweep.spec._checks import check_seed
from gensweep.spec._fix_values import fix_values
from gensweep.spec._groups import DataOptions, EvaluationOptions, ReportOptions
from gensweep.spec._request import RunRequest
from gensweep.spec._resources import PACK_CPUS, SUPERVISOR_CPUS, PackResources
from gensweep.spec._run_context import RunContext
from gensweep.spec._settings import MOST_PACKS, Declaration, declarations
from gensweep.spec._sweep import DATA, PLACEMENT, Sweep

__all__ = [
    "DATA",
    "DataOptions",
    "Declaration",
    "MOST_PACKS",
    "EvaluationOptions",
    "PACK_CPUS",
    "PLACEMENT",
    "PackResources",
    "ReportOptions",
    "RunContext",
    "RunRequest",
    "SUPERVISOR_CPUS",
    "Sweep",
    "check_seed",
    "declarations",
    "fix_values",
]
