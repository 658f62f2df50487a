"""The packed engine: many trials of one signature trained as one stacked computation."""

from gensweep.lanes._feed import Ranks, Source
from gensweep.lanes._lane import Lane
from gensweep.lanes._noise import derive, draw, generator
from gensweep.lanes._optim import OPTIMIZERS
from gensweep.lanes._order import DataOrder
from gensweep.lanes._pack import Pack
from gensweep.lanes._plan import FEWEST
from gensweep.lanes._precision import PRECISIONS, precision_of
from gensweep.lanes._record import EXPLODED, Progress
from gensweep.lanes._schedule import turns
from gensweep.lanes._state import LaneState

__all__ = [
    "EXPLODED",
    "FEWEST",
    "OPTIMIZERS",
    "PRECISIONS",
    "DataOrder",
    "Lane",
    "LaneState",
    "Pack",
    "Progress",
    "Ranks",
    "Source",
    "derive",
    "draw",
    "generator",
    "precision_of",
    "turns",
]
