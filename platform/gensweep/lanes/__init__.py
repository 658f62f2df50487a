"""The packed engine: trains many trials of one signature as one stacked computation.

Runs in: a pack's workers. The script's process measures widths and the best trial by it.
"""

from gensweep.lanes._batches_and_noise import Ranks, Source
from gensweep.lanes._check_config import check_config
from gensweep.lanes._check_players import check_budget, check_players
from gensweep.lanes._conditions import draw_classes
from gensweep.lanes._curve import CURVE_PARTS, LanePoint
from gensweep.lanes._generators import derive_seed, draw, generator
from gensweep.lanes._initial_weights import check_initial_weights, weight_hashes
from gensweep.lanes._lane import Lane
from gensweep.lanes._learning_rate import SCHEDULES
from gensweep.lanes._live_bytes import LiveBytes
from gensweep.lanes._optimizer_formulas import OPTIMIZERS
from gensweep.lanes._order import DataOrder
from gensweep.lanes._pack import Pack
from gensweep.lanes._precision import precision_of
from gensweep.lanes._purity import watched
from gensweep.lanes._record import EXPLODED, Progress, claim_names
from gensweep.lanes._sampling import Sampler
from gensweep.lanes._schedule import last_begin, ticks_per_cycle, ticks_per_round
from gensweep.lanes._state import LaneState

__all__ = [
    "DataOrder",
    "EXPLODED",
    "Lane",
    "LanePoint",
    "LaneState",
    "LiveBytes",
    "OPTIMIZERS",
    "CURVE_PARTS",
    "Pack",
    "Progress",
    "Ranks",
    "SCHEDULES",
    "Sampler",
    "Source",
    "check_budget",
    "check_config",
    "check_initial_weights",
    "check_players",
    "claim_names",
    "derive_seed",
    "draw",
    "draw_classes",
    "generator",
    "last_begin",
    "precision_of",
    "ticks_per_cycle",
    "ticks_per_round",
    "watched",
    "weight_hashes",
]
