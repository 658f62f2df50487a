"""Who acts at a tick of a lane: turns in a round, and stages of a budget."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gensweep.game import Game, Player
from gensweep.lanes._lane import Lane


def turns(player: Player, hyper: Mapping[str, float]) -> int:
    """The player's turns in a round of this lane."""
    value = player.turns
    return int(hyper[value]) if isinstance(value, str) else value


def acting(game: Game, lane: Lane, tick: int) -> set[str]:
    """The players that act at the lane's `tick`: each on the last `turns` ticks of a round."""
    counts = {name: turns(player, lane.hyper) for name, player in game.players.items()}
    training = _in_stage(game, lane, tick)
    length = max(counts[name] for name in training)
    position = tick % length
    return {name for name in training if position >= length - counts[name]}


def fractions(lanes: Sequence[Lane | None], ticks: int) -> Tensor:
    """What part of its budget each lane has behind it at the next ticks: [L, T]."""
    done = [
        [min(lane.ticks + tick, lane.total_ticks) / lane.total_ticks if lane else 0.0
         for tick in range(ticks)]
        for lane in lanes
    ]  # fmt: skip
    return torch.tensor(done, dtype=torch.float32)


def learning(game: Game, player: str) -> set[str]:
    """The players that learn in the stage of `player`; the others are frozen meanwhile."""
    stages = getattr(game, "stages", None)
    if not stages:
        return set(game.players)
    active = [set(game.active(stage)) for stage in stages]  # type: ignore[attr-defined]
    return set().union(*(names for names in active if player in names))


def _in_stage(game: Game, lane: Lane, tick: int) -> tuple[str, ...]:
    """The players that train at `tick`: all, or those of the stage that it falls into."""
    stages = getattr(game, "stages", None)
    if not stages:
        return tuple(game.players)
    first = round(lane.config.stage_fraction * lane.total_ticks)
    return tuple(game.active(stages[0 if tick < first else 1]))  # type: ignore[attr-defined]
