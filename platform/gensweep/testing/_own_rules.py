"""Checks optimisers and schedules that a model brings: they are traced, and see all lanes at once.

L lanes, P parameters.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from gensweep.errors import UserError
from gensweep.game import Game
from gensweep.lanes import watched
from gensweep.testing._calls import named_errors, unwritten
from gensweep.testing._python_state import alike

LANES, PARAMETERS = 2, 3
Rule = Callable[..., Any]
CURE = "choose by torch.where, and compute with tensors alone"


def check_own_rules(game: Game) -> None:
    """`UserError` unless optimisers and schedules of one's own can be traced, each lane alone."""
    for said, rule, args in _rules(game):
        with watched(said), named_errors(said, CURE), unwritten(said, _tensors(args)):
            rule(*args)
        _check_trace(said, rule, args)
    check_rows(game)


def check_rows(game: Game) -> None:
    """`UserError` if what an optimiser or schedule of one's own gives a lane depends on another."""
    for said, rule, args in _rules(game):
        others = pytree.tree_map(_with_other_neighbour, args)
        first, second = (pytree.tree_map(_first_row, rule(*one)) for one in (args, others))
        if not alike(first, second):
            raise UserError(
                f"{said} mixes lanes, which are trials of their own: take no mean, sum or maximum "
                "over the first dimension."
            )


def _rules(game: Game) -> Iterator[tuple[str, Rule, tuple[Any, ...]]]:
    """Yield each rule that the game brings: its name in errors, itself and arguments for it."""
    for name, player in game.players.items():
        if player.frozen:
            continue
        source = torch.Generator().manual_seed(0)
        rule: Any = player.optimizer
        if not isinstance(rule, str):
            params, grad, *moments = (
                _numbers(PARAMETERS, source) for _ in range(2 + len(rule.moments))
            )
            state = dict(zip(rule.moments, moments, strict=True))
            state["steps"] = torch.ones(LANES, 1)
            scalars = {read: _numbers(1, source) for read in rule.reads}
            args = params, grad, state, scalars
            yield f"player {name!r}: optimizer {rule.name!r}", rule.step, args
        if not isinstance(player.schedule, str):
            yield f"player {name!r}: schedule", player.schedule, (_numbers(1, source),)


def _check_trace(said: str, rule: Rule, args: tuple[Any, ...]) -> None:
    """`UserError` unless a replay of the rule's trace gives what the rule itself gives."""
    with named_errors(f"{said} cannot be traced: it", CURE):
        trace = make_fx(lambda packed: rule(*packed))(args)
    # Other signs and sizes: a choice or a number that Python took from the first shows.
    others = pytree.tree_map(lambda one: 0.5 - one, args)
    if not alike(trace(others), rule(*others)):
        raise UserError(
            f"{said} depends on tensors in a way that its trace does not show, as by `tolist`: "
            f"{CURE}."
        )


def _tensors(args: tuple[Any, ...]) -> dict[str, Tensor]:
    names = "params", "grad", "state", "scalars"
    named = dict(zip(names, args, strict=False)) if len(args) > 1 else {"progress": args[0]}
    return {
        name + pytree.keystr(path): leaf
        for name, one in named.items()
        for path, leaf in pytree.tree_flatten_with_path(one)[0]
    }


def _numbers(count: int, source: torch.Generator) -> Tensor:
    return torch.rand(LANES, count, generator=source)


def _first_row(tensor: Tensor) -> Tensor:
    return tensor[:1]


def _with_other_neighbour(tensor: Tensor) -> Tensor:
    return torch.cat([tensor[:1], 1 - tensor[1:]])
