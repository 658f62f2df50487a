"""The actor that decides: it hands out trials, hears of them, and records what became of them.

Runs in: the coordinator's actor, which owns the study and the tracker's spool.
"""

from gensweep.coordinator._coordinator import SweepCoordinator
from gensweep.coordinator._pack_status import HOST_LOST, PackStatus
from gensweep.coordinator._progress_summary import ProgressSummary
from gensweep.coordinator._remote import CoordinatorLostError, RemoteCoordinator
from gensweep.coordinator._start import start_coordinator

__all__ = [
    "HOST_LOST",
    "CoordinatorLostError",
    "PackStatus",
    "ProgressSummary",
    "RemoteCoordinator",
    "SweepCoordinator",
    "start_coordinator",
]
