"""Tracking: every trial in MLflow, through a spool that outlives server and process.

Runs in: the coordinator's actor. The script's process registers the best trial.
"""

from gensweep.tracking._check import check_server
from gensweep.tracking._find_run import FoundRun, find_run
from gensweep.tracking._register_model import register_model
from gensweep.tracking._registered_sampler import RegisteredSampler, fetch_sampler
from gensweep.tracking._server import SERVER_SETTINGS, upgrade_database
from gensweep.tracking._shared_view import SweepView
from gensweep.tracking._spool import Spool
from gensweep.tracking._sweep_traces import SweepTraces, delete_traces, find_traces
from gensweep.tracking._tracker import Tracker

__all__ = [
    "FoundRun",
    "RegisteredSampler",
    "SERVER_SETTINGS",
    "Spool",
    "SweepTraces",
    "SweepView",
    "Tracker",
    "check_server",
    "delete_traces",
    "fetch_sampler",
    "find_run",
    "find_traces",
    "register_model",
    "upgrade_database",
]
