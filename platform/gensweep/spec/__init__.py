"""What is asked: a sweep, and the resources and options that it is run with."""

from gensweep.spec._checks import NEIGHBOURS, check_lanes, planned
from gensweep.spec._request import Request
from gensweep.spec._resources import KEEPER_CPUS, PACK_CPUS, Fleet
from gensweep.spec._sweep import Sweep

__all__ = [
    "Fleet",
    "KEEPER_CPUS",
    "NEIGHBOURS",
    "PACK_CPUS",
    "Request",
    "Sweep",
    "check_lanes",
    "planned",
]
