"""What is asked: a sweep, and the resources and options that it is run with."""

from gensweep.spec._checks import NEIGHBOURS, check_lanes, planned
from gensweep.spec._request import RunRequest
from gensweep.spec._resources import PACK_CPUS, SUPERVISOR_CPUS, PackResources
from gensweep.spec._run_context import RunContext
from gensweep.spec._sweep import Sweep

__all__ = [
    "PackResources",
    "SUPERVISOR_CPUS",
    "NEIGHBOURS",
    "PACK_CPUS",
    "RunContext",
    "RunRequest",
    "Sweep",
    "check_lanes",
    "planned",
]
