"""The law of samples."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from gensweep.errors import UserError
from gensweep.lanes import Pack, Sampler
from gensweep.testing._calls import one_line
from gensweep.testing._case import Case
from gensweep.testing._python_state import check_repeatable, modules_of

COUNT = 5
"""Samples that are drawn in a check."""
AT_ONCE = 3
"""Samples of a batch where they are drawn in several."""
FARTHEST = 1e-2
"""Largest difference, absolute and relative, that rounding explains: batch normalisation of many
layers makes it 4e-3 of the samples of an untrained BigGAN."""


class CheckedSampler(Sampler):
    """Draws as the engine does, and looks at what each step leaves."""

    def _step(self, size: int) -> Callable[..., Any]:
        take = super()._step(size)

        def checked(weights: Any, state: Any, *args: Any) -> Any:
            left = take(weights, state, *args)
            before, after = (pytree.tree_map(_kind, tree) for tree in (state, left))
            if before != after:
                raise UserError(
                    f"`sample_step` makes a state of {after} of one of {before}: leave its shapes "
                    "and types as they are, for one step is traced and replayed."
                )
            return left

        return checked


class SamplerOfFew(CheckedSampler):
    """Draws `AT_ONCE` samples in a batch."""

    def batch_size(self, weights: Any, noise: Any, count: int, *rest: Any) -> int:
        return AT_ONCE if noise.sample_bytes else count


def samples_are_examples(case: Case) -> None:
    """samples look like examples, are the same for a seed, and depend on no other sample"""
    _check_methods(case.game)
    pack = case.pack(2)
    pack.sampler = CheckedSampler
    what = "sample_step" if hasattr(pack.game, "sample_step") else "sample"
    _check_steps(pack.game)
    columns = case.data.gather(torch.arange(COUNT))
    given = given_examples(pack, columns)

    def draw(pack: Pack) -> Tensor:
        with one_line(pack.game, what):
            return pack.sample(COUNT, given=given)

    drawn = check_repeatable(pack.game, what, lambda: draw(pack), modules_of(pack))
    _check_examples(drawn, case.data.shape)
    if len(case.data.shape) == 3 and _is_whole(pack):
        _check_range(drawn)
    parts, whole = case.pack(1), case.pack(1)
    parts.sampler = SamplerOfFew
    if _close(drawn[0], draw(parts)[0]):
        return
    if _close(drawn[0], draw(whole)[0]):
        raise UserError(
            f"samples of one trial depend on each other: {COUNT} differ when they are drawn by "
            f"{AT_ONCE}. Let none read another's noise, as a mean over the first dimension does."
        )
    raise UserError("samples of a lane differ from those of the same trial alone.")


def _check_methods(game: Any) -> None:
    """`UserError` unless there is something to sample with."""
    is_stepped = hasattr(game, "sample_step")
    told = "game_capabilities.SampledInSteps" if is_stepped else "game.Game"
    for name in ("sample_noise", "sample_step" if is_stepped else "sample"):
        if not callable(getattr(game, name, None)):
            raise UserError(f"the game has no method {name!r}: write one, as gensweep.{told} says.")


def _check_steps(game: Any) -> None:
    """`UserError` unless a sampler of steps has a whole number of them."""
    if not hasattr(game, "sample_step"):
        return
    steps = getattr(game, "sample_steps", None)
    if not isinstance(steps, int) or isinstance(steps, bool) or steps < 1:
        raise UserError(f"`sample_steps` is {steps!r}: it must be a whole number, 1 or more.")


def _check_examples(drawn: Any, shape: tuple[int, ...]) -> None:
    """`UserError` unless `drawn` [lanes, count, *shape] could be examples."""
    due = [COUNT, *shape]
    if not isinstance(drawn, Tensor):
        raise UserError(f"`sample` returns a {type(drawn).__name__}: a tensor {due} is due.")
    got = list(drawn.shape[1:])
    if got != due:
        raise UserError(f"`sample` returns {got} for {COUNT} samples: {due} is due.")
    if drawn.dtype != torch.float32:
        raise UserError(f"`sample` returns {drawn.dtype}: examples are torch.float32.")
    if not bool(drawn.isfinite().all()):
        raise UserError("`sample` of untrained networks is not finite: bound what they feed.")


def _is_whole(pack: Pack) -> bool:
    """Return whether samples are what the game means them to be: no step was left out."""
    most = pack.most_sample_steps
    return most is None or getattr(pack.game, "sample_steps", 0) <= most


def _check_range(images: Tensor) -> None:
    farthest = float(images.abs().max())
    if farthest > 1 + FARTHEST:
        raise UserError(
            f"`sample` returns images with pixels up to {farthest:.3g} in size: pixels are in "
            "[-1, 1], so end with .tanh(), or with .clamp(-1, 1)."
        )


def _kind(tensor: Tensor) -> str:
    return f"{list(tensor.shape[1:])} {str(tensor.dtype).removeprefix('torch.')}"


def _close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, FARTHEST, FARTHEST)


def given_examples(pack: Pack, batch: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Take the columns of a batch that the pack's game is conditioned on; None: nothing."""
    names = getattr(pack.game, "given", ())
    if missing := [name for name in names if name not in batch]:
        raise UserError(f"the game is given {missing[0]!r}, but the data have {', '.join(batch)}.")
    return {name: batch[name] for name in names} or None
