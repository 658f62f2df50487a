"""Decides which players act at a tick of a lane: turns in a round, and stages of a budget."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from gensweep.game import Game, Player
from gensweep.lanes._lane import Lane


def turns_per_round(player: Player, hyper: Mapping[str, float]) -> int:
    """Return how many turns a player takes in a round of a lane with these hyperparameters."""
    value = player.turns
    return int(hyper[value]) if isinstance(value, str) else value


def acting_players(game: Game, lane: Lane, tick: int) -> set[str]:
    """Return who acts at the lane's `tick`: each player on the last ticks of a round."""
    counts = {name: turns_per_round(player, lane.hyper) for name, player in game.players.items()}
    training = _in_stage(game, lane, tick)
    # The round is as long as the busiest player of this stage; a resting stage must not stretch it.
    length = max(counts[name] for name in training)
    position = tick % length
    return {name for name in training if position >= length - counts[name]}


def budget_fractions(lanes: Sequence[Lane | None], ticks: int) -> Tensor:
    """Return the fraction of its budget that each lane has spent at the next ticks: [L, T]."""
    done = [
        [min(lane.ticks + tick, lane.total_ticks) / lane.total_ticks if lane else 0.0
         for tick in range(ticks)]
        for lane in lanes
    ]  # fmt: skip
    return torch.tensor(done, dtype=torch.float32)


def trained_players(game: Game, player: str) -> set[str]:
    """Return the players that learn in the stage of `player`; the others are frozen meanwhile."""
    stages = getattr(game, "stages", None)
    if not stages:
        return set(_learning(game, game.players))
    active = [_learning(game, game.active(stage)) for stage in stages]  # type: ignore[attr-defined]
    return set().union(*(names for names in active if player in names))


def _in_stage(game: Game, lane: Lane, tick: int) -> tuple[str, ...]:
    """Return the players that train at `tick`: all, or those of the stage that it falls into."""
    stages = getattr(game, "stages", None)
    if not stages:
        return _learning(game, game.players)
    first = round(lane.config.stage_fraction * lane.total_ticks)
    return _learning(game, game.active(stages[0 if tick < first else 1]))  # type: ignore[attr-defined]


def _learning(game: Game, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of the players that are not frozen for good."""
    return tuple(name for name in names if not game.players[name].frozen)
