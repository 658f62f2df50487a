"""The actor that decides: it hands out trials, hears of them, and records what became of them."""

from gensweep.coordinator._coordinator import HOST_LOST
from gensweep.coordinator._start import opened, start_coordinator

__all__ = [
    "HOST_LOST",
    "opened",
    "start_coordinator",
]
