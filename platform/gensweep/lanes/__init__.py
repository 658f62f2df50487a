"""The packed engine: trains many trials of one signature as one stacked computation.

Runs in: a pack's workers. The script's process measures widths and the best trial by it.
"""

from gensweep.lanes._batches_and_noise import Ranks, Source
from gensweep.lanes._check_players import check_players
from gensweep.lanes._conditions import draw_classes
from gensweep.lanes._generators import derive_seed, draw, generator
from gensweep.lanes._initial_weights import check_initial_weights
from gensweep.lanes._lane import Lane
from gensweep.lanes._learning_rate import SCHEDULES
from gensweep.lanes._optimizer_formulas import OPTIMIZERS
from gensweep.lanes._order import DataOrder
from gensweep.lanes._pack import Pack
from gensweep.lanes._precision import precision_of
from gensweep.lanes._record import EXPLODED, Progress
from gensweep.lanes._schedule import last_begin, turns_per_round
from gensweep.lanes._state import LaneState
from gensweep.lanes._step_plan import FEWEST

__all__ = [
    "DataOrder",
    "EXPLODED",
    "FEWEST",
    "Lane",
    "LaneState",
    "OPTIMIZERS",
    "Pack",
    "Progress",
    "Ranks",
    "SCHEDULES",
    "Source",
    "check_initial_weights",
    "check_players",
    "derive_seed",
    "draw",
    "draw_classes",
    "generator",
    "last_begin",
    "precision_of",
    "turns_per_round",
]
