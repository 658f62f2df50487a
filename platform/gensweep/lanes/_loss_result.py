"""Hands a loss its inputs, and checks what it returns: each mistake is one line with its cure."""

from collections.abc import Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.known_metrics import find_metric
from gensweep.metric import is_metric_name

T = TypeVar("T")
CURES = {
    "network": "name it as in the game's `players`",
    "column": "the data set has no such column",
    "noise": "declare it in the game's `noise`",
    "hyper": "only numbers of the configuration that are not `fixed` are in `hyper`",
    "condition": "name it in the game's `given`",
}
"""What to do about a name that is not there, by the kind of input."""
NAMES = "call it by a string of up to 200 letters, digits and _ . - / that is no path like ../gap"
KINDS = ("network", "column", "noise", "hyper")
"""Kinds of inputs in the order in which a loss takes them."""


class Inputs(dict[str, T]):
    """Networks, columns, noise or hyperparameters of one call of `whose` method, by name.

    A name that is not there is a `UserError` that lists those that are.
    """

    def __init__(self, kind: str, whose: str, values: Mapping[str, T]):
        super().__init__(values)
        self._kind, self._whose = kind, whose

    def __missing__(self, name: str) -> T:
        known = ", ".join(self) or "none"
        raise UserError(
            f"{self._whose} asks for {self._kind} {name!r}, but there is {known}: "
            f"{CURES[self._kind]}."
        )


def checked_loss(player: str, found: Any, of: str = "loss") -> tuple[Tensor, dict[str, Tensor]]:
    """Return what the loss, or the penalty, of `player` returned.

    `UserError` unless it is a scalar and metrics.
    """
    whose = f"the {of} of player {player!r}"
    if not (isinstance(found, tuple) and len(found) == 2 and isinstance(found[1], Mapping)):
        got = type(found).__name__
        if isinstance(found, tuple) and len(found) == 2:
            got = f"{type(found[1]).__name__} for its metrics"
        raise UserError(f"{whose} returns a {got}: return `{of}, metrics`, with {{}} for none.")
    value, metrics = found
    _check_scalar(whose, value)
    if not value.is_floating_point():
        raise UserError(f"{whose} is of {value.dtype}, and must be real: take its norm or mean.")
    for name, metric in metrics.items():
        if not is_metric_name(name):
            raise UserError(f"{whose} names a metric {name!r}: {NAMES}.")
        if find_metric(name) is not None:
            raise UserError(f"{whose} names a metric {name!r}, which evaluations measure: take "
                            f"another name, such as training_{name}.")  # fmt: skip
        _check_metric(f"metric {name!r} of player {player!r}", metric)
    return value, dict(metrics)


def with_penalty(
    player: str, metrics: Mapping[str, Tensor], penalty: Tensor, more: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the penalty of `player` and its metrics by the names under which they are recorded.

    `UserError` if the loss has a metric of such a name: each is the mean over turns of its own.
    """
    own = f"{player}_penalty"
    taken = {*metrics, f"{player}_loss"}
    if twice := [name for name in (own, *more) if name in taken] + [n for n in more if n == own]:
        raise UserError(
            f"the penalty of player {player!r} reports {twice[0]!r}, a name that is taken: rename "
            "the metric, of the loss or of the penalty."
        )
    return {own: penalty, **more}


def _check_metric(what: str, value: Any) -> None:
    _check_scalar(what, value)
    if value.dtype == torch.bool or value.is_complex():
        cure = "take .float()" if value.dtype == torch.bool else "take its real part or its size"
        raise UserError(f"{what} is of {value.dtype}, and must be a real number: {cure}.")


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
