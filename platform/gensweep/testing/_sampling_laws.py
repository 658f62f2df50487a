"""Laws of what a trained game offers: samples, and every optional capability."""

from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import capabilities
from gensweep.lanes import Pack
from gensweep.testing._case import Case

COUNT = 5
"""Samples that are drawn in a check."""


def _interpolation(x: Tensor) -> tuple[Tensor, ...]:
    return x, x.flip(0), torch.tensor([0.0, 1.0])


def _begins(name: str, x: Tensor) -> tuple[int, ...]:
    """How the shape of a capability's results for examples `x` begins."""
    whole = {"reconstruct": tuple(x.shape), "interpolate": (2, *x.shape)}
    return whole.get(name, (len(x),))


def samples_are_examples(case: Case) -> None:
    """samples have the shape of examples, are finite, and the same for the same seed"""
    pack = case.pack(2)
    drawn = pack.sample(COUNT)
    wanted = (2, COUNT, *case.data.shape)
    if tuple(drawn.shape) != wanted:
        got = list(drawn.shape[1:])
        raise UserError(f"`sample` returns {got} for {COUNT} samples: {list(wanted[1:])} is due.")
    if not bool(drawn.isfinite().all()):
        raise UserError("`sample` of untrained networks is not finite: bound what they feed.")
    if not torch.equal(drawn, pack.sample(COUNT)):
        raise UserError(
            "`sample` gives other samples for one seed: declare noise for what it draws."
        )
    alone = case.pack(1).sample(COUNT)[0]
    if not torch.allclose(drawn[0], alone, 1e-3, 1e-3):
        raise UserError("samples of a lane differ from those of the same trial alone.")


def capabilities_are_sound(case: Case) -> None:
    """every optional capability takes examples and gives what its name says"""
    pack = case.pack(2)
    x = case.data.gather(torch.arange(4))["x"]
    for name in capabilities(pack.game):
        found = call(pack, name, *(_interpolation(x) if name == "interpolate" else (x,)))
        due = _begins(name, x)
        if tuple(found.shape[1 : 1 + len(due)]) != due:
            got = list(found.shape[1:])
            raise UserError(f"`{name}` returns {got}: it begins with {list(due)}.")


def call(pack: Pack, name: str, *inputs: Tensor) -> Tensor:
    """Call a capability for all lanes with the noise that it declares."""
    game: Any = pack.game
    source = "encode" if name == "interpolate" else name
    draw = getattr(game, f"{source}_noise", None)
    size = len(inputs[0])
    noise = {} if draw is None else draw(size, 2) if name == "log_prob" else draw(size)
    found: Tensor = pack.call(name, noise, *inputs)
    return found
