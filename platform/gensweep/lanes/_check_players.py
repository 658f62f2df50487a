"""Checks a game's players before any training: each mistake is one line with its cure."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import Game, Optimizer, Player
from gensweep.lanes._check_config import check_config, is_whole, numbers_of
from gensweep.lanes._check_game import check_game_parts
from gensweep.lanes._learning_rate import SCHEDULES
from gensweep.lanes._optimizer_formulas import OPTIMIZERS, SCALARS
from gensweep.lanes._schedule import learning_ticks
from gensweep.metric import is_metric_name
from gensweep.space import scopes

Law = tuple[str, Callable[[float], bool]]
_BELOW_ONE: Law = ("0 <= {} < 1", lambda value: 0 <= value < 1)
_ABOVE_ZERO: Law = ("0 < {}", lambda value: value > 0)
_FROM_ZERO: Law = ("0 <= {}", lambda value: value >= 0)

LAWS: dict[str, Law] = {
    "learning_rate": _ABOVE_ZERO,
    "beta1": _BELOW_ONE,
    "beta2": _BELOW_ONE,
    "momentum": ("-1 < {} < 1", lambda value: -1 < value < 1),
    "weight_decay": _FROM_ZERO,
    "eps": _FROM_ZERO,
    "max_grad_norm": _ABOVE_ZERO,
    "weight_bound": _ABOVE_ZERO,
    "ema": _BELOW_ONE,
    "begins": _BELOW_ONE,
    "ends": ("0 < {} <= 1", lambda value: 0 < value <= 1),
}
"""Hyperparameters of a player to what must hold of their values, in words and as a test."""
OPTIONAL = ("max_grad_norm", "weight_bound", "ema")
RESERVED = ("steps", "own_steps")
"""Names that an optimiser's moments may not have: the engine's counts have them."""


def check_players(game: Game, config: Any, model_name: str) -> None:
    """Raise `UserError`, one line, for the first thing by which a player cannot be trained.

    `config` is the configuration that the game was built of.
    """
    check_config(config, model_name)
    check_game_parts(game, config, model_name)
    if all(player.frozen for player in game.players.values()):
        raise UserError(f"{model_name}: no player learns: leave one that is not frozen.")
    numbers = numbers_of(config)
    for name, player in game.players.items():
        for wrong in _problems(game, name, player, config, numbers):
            raise UserError(f"{model_name}: player {name!r}: {wrong}")
    if hasattr(game, "penalty") and not any(_pays(one) for one in game.players.values()):
        raise UserError(
            f"{model_name}: the game has a `penalty` that no player pays: say by penalty_every in "
            "how many of its turns one does."
        )


def check_budget(game: Game, config: Any, total_ticks: int, model_name: str) -> None:
    """Raise `UserError` for a player that would not learn for a single one of a trial's steps."""
    for name, player in game.players.items():
        if not player.frozen and not learning_ticks(player, numbers_of(config), total_ticks):
            raise UserError(
                f"{model_name}: player {name!r} has no step of the {total_ticks:,} of its budget "
                f"(begins={player.begins!r}, ends={player.ends!r}): raise the budget, or give it a "
                "larger part."
            )


def _pays(player: Player) -> bool:
    return not player.frozen and player.penalty_every is not None


def _problems(
    game: Game, name: str, player: Player, config: Any, numbers: Mapping[str, float]
) -> Iterator[str]:
    if "/" in name or not is_metric_name(name):
        yield ("a name has letters, digits and _ . -, for state is stored and losses are told "
               "under it: rename it.")  # fmt: skip
    yield from _initial(game, name, player)
    yield from _whole("turns", player.turns, config, numbers)
    if player.frozen:
        return
    if name not in game.noise:
        yield "`noise` has no entry for it: add one, {} if its loss needs none."
    yield from _standing(game, player)
    if player.penalty_every is not None:
        if not hasattr(game, "penalty"):
            yield f"penalty_every={player.penalty_every!r}, but the game has no `penalty`: drop it."
        yield from _whole("penalty_every", player.penalty_every, config, numbers)
    yield from _optimizer(player)
    yield from _schedule(player)
    rule = player.optimizer
    reads = OPTIMIZERS[rule].reads if isinstance(rule, str) else rule.reads
    for field in (*reads, *OPTIONAL, "begins", "ends"):
        yield from _scalar(field, getattr(player, field), config, numbers)
    yield from _part(player, numbers)


def _part(player: Player, numbers: Mapping[str, float]) -> Iterator[str]:
    begins, ends = (numbers.get(v, 0) if isinstance(v, str) else v
                    for v in (player.begins, player.ends))  # fmt: skip
    if not begins < ends:
        yield f"begins={begins!r} must be less than ends={ends!r}: it would never learn."


def _initial(game: Game, name: str, player: Player) -> Iterator[str]:
    source = player.copy_of
    if source is None:
        return
    if player.weights is not None:
        yield f"weights={player.weights!r} and copy_of={source!r} exclude each other: drop one."
    others = [n for n, p in game.players.items() if n != name and p.copy_of is None]
    if source not in others:
        yield f"copy_of={source!r} names no other player that is no copy: {_choose(others)}"


def _whole(field: str, value: Any, config: Any, numbers: Mapping[str, float]) -> Iterator[str]:
    """Yield what is wrong with a count of turns: a number from 1, or the name of such a one."""
    said = f"{field}={value!r}"
    if isinstance(value, str):
        if value not in numbers:
            yield f"{said} {_unknown(value, config, numbers)}"
            return
        value, said = numbers[value], f"{said}, which is {numbers[value]!r},"
    if not is_whole(value) or value < 1:
        yield f"{said} must be a whole number, 1 or more: change it."


def _standing(game: Game, player: Player) -> Iterator[str]:
    count: Any = player.standing_batches
    said = f"standing_batches={count!r}"
    if not is_whole(count) or count < 0:
        yield f"{said} must be a whole number, 0 or more: change it."
    elif count and player.average_buffers:
        yield f"{said} and average_buffers exclude each other: drop one."
    elif count and hasattr(game, "sample_step"):
        yield f"{said}, but samples take steps, each with statistics of its own: drop it."


def _optimizer(player: Player) -> Iterator[str]:
    rule = player.optimizer
    if isinstance(rule, str):
        if rule not in OPTIMIZERS:
            yield f"unknown optimizer={rule!r}: {_choose(OPTIMIZERS)}"
        return
    said = f"optimizer {getattr(rule, 'name', rule)!r}"
    missing = [n for n in ("name", "moments", "reads", "step") if not hasattr(rule, n)]
    if missing:
        yield f"{said} has no {missing[0]!r}: give a name, or a gensweep_models.game.Optimizer."
        return
    for read in rule.reads:
        if read not in SCALARS:
            yield f"{said} reads {read!r}, which no player has: {_choose(SCALARS)}"
    for moment in rule.moments:
        if moment in RESERVED:
            yield f"{said} has a moment {moment!r}, a name that the engine uses: rename it."
    yield from _own_step(rule, said)


def _own_step(rule: Optimizer, said: str) -> Iterator[str]:
    """Try the step of an optimiser of one's own, in two lanes of three parameters."""
    room = torch.full((2, 3), 0.5)
    state = {name: torch.zeros_like(room) for name in rule.moments} | {"steps": torch.zeros(2, 1)}
    scalars = {name: torch.full((2, 1), 0.5) for name in rule.reads}
    try:
        params, moments = rule.step(room, room.clone(), state, scalars)
        found = {"parameters": params, **moments}
    except Exception as error:
        yield f"{said}: its step fails on weights [2, 3] ({error!r}): mend it."
        return
    for name in {"parameters": 0, **dict.fromkeys(rule.moments)}.keys() ^ found.keys():
        yield f"{said}: its step must return just the moments {rule.moments!r}, not so {name!r}."
    for name, value in found.items():
        if not isinstance(value, Tensor) or value.shape != room.shape:
            yield f"{said}: its step must return {name!r} in the shape that it had: mend it."


def _schedule(player: Player) -> Iterator[str]:
    schedule = player.schedule
    if isinstance(schedule, str):
        if schedule not in SCHEDULES:
            yield f"unknown schedule={schedule!r}: {_choose(SCHEDULES)}"
        return
    progress = torch.linspace(0, 1, 4)[:, None]
    try:
        value: Any = schedule(progress)
    except Exception as error:
        value = error
    if not isinstance(value, Tensor) or value.shape != progress.shape:
        got = tuple(value.shape) if isinstance(value, Tensor) else value
        yield (f"schedule gives {got!r} for a tensor of progress {tuple(progress.shape)}: it must "
               "map each element, with torch.where in the place of `if`.")  # fmt: skip
    elif not bool(value.isfinite().all() & (value >= 0).all()):
        yield f"schedule gives {value.flatten().tolist()} on [0, 1]: factors must be from 0 on."


def _scalar(field: str, value: Any, config: Any, numbers: Mapping[str, float]) -> Iterator[str]:
    """Yield what is wrong with a hyperparameter: it names no number, or is out of range."""
    said = f"{field}={value!r}"
    if value is None and field in OPTIONAL:
        return
    if isinstance(value, str):
        if value not in numbers:
            yield f"{said} {_unknown(value, config, numbers)}"
            return
        value, said = numbers[value], f"{said}, which is {numbers[value]!r},"
    words, holds = LAWS[field]
    if not isinstance(value, int | float) or not (math.isfinite(value) and holds(value)):
        yield f"{said} will not do: a number with `{words.format(field)}` must hold."


def _unknown(name: str, config: Any, numbers: Mapping[str, float]) -> str:
    """Say why a value of that name does not reach the player, and what to do."""
    known = scopes(config)
    if known.get(name) == "fixed":
        return f"names a fixed field: give its value, config.{name}, or declare it with lane(...)."
    if name in known:
        return f"names a field that is no number, but {getattr(config, name)!r}: name another."
    return f"names no field of the configuration: declare it with lane(...), or {_choose(numbers)}"


def _choose(names: Iterable[str]) -> str:
    return f"choose from {', '.join(names)}." if list(names) else "there is none."
