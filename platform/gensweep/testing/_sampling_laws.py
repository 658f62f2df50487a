"""Laws of what a trained game offers: samples, and every optional capability."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.game import capabilities, capability_noise
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
    given = _given(pack, case.data.gather(torch.arange(COUNT)))
    drawn = pack.sample(COUNT, given=given)
    wanted = (2, COUNT, *case.data.shape)
    if tuple(drawn.shape) != wanted:
        got = list(drawn.shape[1:])
        raise UserError(f"`sample` returns {got} for {COUNT} samples: {list(wanted[1:])} is due.")
    if not bool(drawn.isfinite().all()):
        raise UserError("`sample` of untrained networks is not finite: bound what they feed.")
    if not torch.equal(drawn, pack.sample(COUNT, given=given)):
        raise UserError(
            "`sample` gives other samples for one seed: declare noise for what it draws."
        )
    alone = case.pack(1).sample(COUNT, given=given)[0]
    if not torch.allclose(drawn[0], alone, 1e-3, 1e-3):
        raise UserError("samples of a lane differ from those of the same trial alone.")


def capabilities_are_sound(case: Case) -> None:
    """every optional capability takes examples and gives what its name says"""
    pack = case.pack(2)
    batch = case.data.gather(torch.arange(4))
    x = batch["x"]
    for name in capabilities(pack.game):
        if name == "scores":
            _check_scores(pack, batch)
            continue
        inputs = _interpolation(x) if name == "interpolate" else (x,)
        found = _call(pack, name, batch, *inputs)
        due = _begins(name, x)
        if tuple(found.shape[1 : 1 + len(due)]) != due:
            got = list(found.shape[1:])
            raise UserError(f"`{name}` returns {got}: it begins with {list(due)}.")


def _check_scores(pack: Pack, batch: Mapping[str, Tensor]) -> None:
    """`UserError` unless `scores` gives one number an example under each of `score_names`."""
    game: Any = pack.game
    noise = capability_noise(game, "scores", len(batch["x"]))
    found = pack.call("scores", noise, dict(batch), given=_given(pack, batch))
    names = sorted(getattr(game, "score_names", ()))
    if not isinstance(found, Mapping) or sorted(found) != names:
        got = sorted(found) if isinstance(found, Mapping) else type(found).__name__
        raise UserError(f"`scores` returns {got}: its `score_names` are {names}.")
    for name in getattr(game, "verdict_bounds", ()):
        if name not in names:
            raise UserError(f"`verdict_bounds` has {name!r}: its `score_names` are {names}.")
    for name, values in found.items():
        if tuple(values.shape[1:]) != (len(batch["x"]),):
            raise UserError(f"score {name!r} has shape {list(values.shape[1:])}: one an example.")


def _given(pack: Pack, batch: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    names = getattr(pack.game, "given", ())
    if missing := [name for name in names if name not in batch]:
        raise UserError(f"the game is given {missing[0]!r}, but the data have {', '.join(batch)}.")
    return {name: batch[name] for name in names} or None


def _call(pack: Pack, name: str, batch: Mapping[str, Tensor], *inputs: Tensor) -> Tensor:
    """Call a capability for all lanes with the noise that it declares."""
    noise = capability_noise(pack.game, name, len(batch["x"]), samples=2)
    found: Tensor = pack.call(name, noise, *inputs, given=_given(pack, batch))
    return found
