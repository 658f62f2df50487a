"""Hands a loss its inputs, and checks what it returns: each mistake is one line with its cure."""

from collections.abc import Mapping
from typing import Any, TypeVar

from torch import Tensor

from gensweep.errors import UserError
from gensweep.known_metrics import is_metric_name

T = TypeVar("T")
CURES = {
    "network": "name it as in the game's `players`",
    "column": "the data set has no such column",
    "noise": "declare it in the game's `noise`",
    "hyper": "only numbers of the configuration that are not `fixed` are in `hyper`",
}
"""What to do about a name that is not there, by the kind of input."""
NAMES = "call it by a string of letters, digits and _ . - /"
KINDS = tuple(CURES)
"""Kinds of inputs in the order in which a loss takes them."""


class Inputs(dict[str, T]):
    """Networks, columns, noise or hyperparameters of one call of a player's loss, by name.

    A name that is not there is a `UserError` that lists those that are.
    """

    def __init__(self, kind: str, player: str, values: Mapping[str, T]):
        super().__init__(values)
        self._kind, self._player = kind, player

    def __missing__(self, name: str) -> T:
        known = ", ".join(self) or "none"
        raise UserError(
            f"player {self._player!r} asks for {self._kind} {name!r}, but there is {known}: "
            f"{CURES[self._kind]}."
        )


def checked_loss(player: str, found: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what the loss of `player` returned; `UserError` unless it is a scalar and metrics."""
    whose = f"the loss of player {player!r}"
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)):
        got = type(found).__name__
        raise UserError(f"{whose} returns a {got}: return `loss, metrics`, with {{}} for none.")
    value, metrics = found
    _check_scalar(whose, value)
    for name, metric in metrics.items():
        if not is_metric_name(name):
            raise UserError(f"{whose} names a metric {name!r}: {NAMES}.")
        _check_scalar(f"metric {name!r} of player {player!r}", metric)
    return value, dict(metrics)


def _check_scalar(what: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise UserError(
            f"{what} is a {type(value).__name__}: give a tensor, for a number of Python would be "
            "the same in every step."
        )
    if value.ndim:
        raise UserError(
            f"{what} has shape {list(value.shape)}: take its mean, it must be a scalar."
        )
