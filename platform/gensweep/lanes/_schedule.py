"""Decides which players act at a tick of a lane: turns in a round, and parts of the budget."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import ORDERS, Game, Order, Player, Scalar
from gensweep.lanes._curve import CURVE_PARTS
from gensweep.lanes._lane import Lane


def update_order(game: Game) -> Order:
    """Return how players that act at the same tick are updated; `UserError` if it is unknown."""
    asked = getattr(game, "order", "in_turn")
    if asked not in ORDERS:
        raise UserError(f"the game's order is {asked!r}: choose from {', '.join(ORDERS)}.")
    order: Order = asked
    return order


def turns_per_round(player: Player, hyper: Mapping[str, float]) -> int:
    """Return how many turns a player takes in a round of a lane with these hyperparameters."""
    return _whole(player.turns, hyper)


def turns_per_penalty(player: Player, hyper: Mapping[str, float]) -> int:
    """Return in every how many of its turns the player pays its penalty; 0: never."""
    return 0 if player.penalty_every is None else _whole(player.penalty_every, hyper)


def ticks_per_round(game: Game, hyper: Mapping[str, float]) -> int:
    """Return after how many ticks each player has taken its turns once."""
    return max(turns_per_round(player, hyper) for player in game.players.values())


def ticks_per_cycle(game: Game, hyper: Mapping[str, float]) -> int:
    """Return after how many ticks each player has taken turns with and without a penalty.

    That is a round, or as many as the rarest penalty needs.
    """
    counts = {name: turns_per_round(player, hyper) for name, player in game.players.items()}
    penalties = {name: turns_per_penalty(player, hyper) for name, player in game.players.items()}
    rounds = [-(-penalties[name] // count) for name, count in counts.items()]
    return ticks_per_round(game, hyper) * max(1, *rounds)


TENTH = CURVE_PARTS // 10
"""Parts of a learning curve in a tenth of its budget."""


class Tick(NamedTuple):
    """A tick of a lane."""

    players: set[str]
    """Who acts in it."""
    is_measured: bool
    """Whether it ends the first round in a part of the learning curve; then all learners act."""
    is_tenth: bool
    """Whether it does so in the last part of a tenth of the budget."""


def tick_of(game: Game, lane: Lane, tick: int) -> Tick:
    """Return what happens at the lane's `tick`: each player acts on the last ticks of a round."""
    training = {
        name: player for name, player in game.players.items() if _learns(player, lane, tick)
    }
    if not training:
        return Tick(set(), is_measured=False, is_tenth=False)
    counts = {name: turns_per_round(player, lane.hyper) for name, player in training.items()}
    # The round is as long as the busiest of those that learn; a resting one must not stretch it.
    length = max(counts.values())
    position = tick % length
    # By the trial's own ticks alone: its curve must not depend on its pack's segments.
    part, before = (lane.curve.part_at(one) for one in (tick, tick - length))
    is_measured = position == length - 1 and part != before
    is_tenth = is_measured and (part + 1) // TENTH != (before + 1) // TENTH
    acting = {name for name in training if position >= length - counts[name]}
    return Tick(acting, is_measured, is_tenth)


def budget_fractions(lanes: Sequence[Lane | None], ticks: int) -> Tensor:
    """Return the fraction of its budget that each lane has spent at the next ticks: [L, T]."""
    done = [
        [min(lane.ticks + tick, lane.total_ticks) / lane.total_ticks if lane else 0.0
         for tick in range(ticks)]
        for lane in lanes
    ]  # fmt: skip
    return torch.tensor(done, dtype=torch.float32)


def own_progress(player: Player, spent: Tensor, hyper: Mapping[str, Tensor]) -> Tensor:
    """Return how far a player is in its own part of the budget, of which `spent` [L] is gone."""
    if (player.begins, player.ends) == (0.0, 1.0):
        return spent
    begins, ends = (hyper[v] if isinstance(v, str) else v for v in (player.begins, player.ends))
    return ((spent - begins) / (ends - begins)).clamp(0, 1)


def learning_players(game: Game, player: str) -> set[str]:
    """Return the players that may learn at the same time as `player`; the others are at rest."""
    mine = game.players[player]
    others = {name: player for name, player in game.players.items() if not player.frozen}
    return {name for name, other in others.items() if not _are_apart(mine, other)}


def last_begin(game: Game, hyper: Mapping[str, float]) -> float:
    """Return the part of the budget after which every player has begun to learn.

    Samples of before are those of untrained networks.
    """
    return max(_value(p.begins, hyper) for p in game.players.values() if not p.frozen)


def learning_ticks(player: Player, hyper: Mapping[str, float], total_ticks: int) -> range:
    """Return the ticks of a trial of so many in which a player may act; none if it is frozen."""
    if player.frozen:
        return range(0)
    begins, ends = (_value(part, hyper) for part in (player.begins, player.ends))
    return range(round(begins * total_ticks), round(ends * total_ticks))


def _learns(player: Player, lane: Lane, tick: int) -> bool:
    return tick in learning_ticks(player, lane.hyper, lane.total_ticks)


def _whole(value: str | int, hyper: Mapping[str, float]) -> int:
    return int(hyper[value]) if isinstance(value, str) else value


def _value(part: Scalar, hyper: Mapping[str, float]) -> float:
    return hyper[part] if isinstance(part, str) else part


def _are_apart(one: Player, other: Player) -> bool:
    """Return whether one of two players ends before the other begins, in every lane."""
    return _ends_before(one, other) or _ends_before(other, one)


def _ends_before(one: Player, other: Player) -> bool:
    if isinstance(one.ends, str) or isinstance(other.begins, str):
        return one.ends == other.begins
    return one.ends <= other.begins
