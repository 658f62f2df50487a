"""Pictures of what a trained trial makes of held-out examples."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gensweep.evaluation._held_out_examples import given_of
from gensweep.evaluation._pictured_lane import COLUMNS, PicturedLane, Sheet, in_turn
from gensweep.game_capabilities import NOISY, capability_noise
from gensweep.lanes import generator


def reconstructions(lane: PicturedLane) -> Sheet:
    """Rows of examples, each followed by a row of their reconstructions."""
    x = lane.examples["x"]
    return in_turn(x, call(lane, "reconstruct", x))


def enlarged(lane: PicturedLane) -> Sheet:
    """Rows of small images, of samples of them, and of the examples that they were made of.

    Small images have squares in the place of pixels. As arXiv:2104.07636 shows them.
    """
    x = lane.examples["x"]
    small = interpolate(call(lane, "shrink", x), x.shape[2:])
    return in_turn(small, call(lane, "reconstruct", x), x)


def interpolations(lane: PicturedLane) -> Sheet:
    """A row for each example: from it, through the model's latent space, to another one."""
    x = lane.examples["x"]
    found = call(lane, "interpolate", x, x.roll(1, 0), torch.linspace(0, 1, COLUMNS))
    return Sheet(found.transpose(0, 1).flatten(0, 1))


def denoised(lane: PicturedLane) -> Sheet:
    """Rows of examples, of these with normal noise, and of what is made of them."""
    x = lane.examples["x"]
    std = float(getattr(lane.pack.game, "denoise_std", NOISY))
    noisy = x + std * torch.randn(x.shape, generator=generator(lane.seed, "denoised"))
    detail = f"of standard deviation {std:g}"
    return in_turn(x, noisy, call(lane, "denoise", noisy), detail=detail)


def inpainted(lane: PicturedLane) -> Sheet:
    """Rows of examples, of these without their middle, and of what is filled in."""
    x = lane.examples["x"]
    mask = torch.ones_like(x[:, :1])
    height, width = x.shape[-2:]
    mask[..., height // 4 : height - height // 4, width // 4 : width - width // 4] = 0
    known = x * mask
    return in_turn(x, known, call(lane, "inpaint", known, mask))


def call(lane: PicturedLane, name: str, *inputs: Tensor) -> Tensor:
    """Call a capability with `inputs`, of which the first has the examples in front."""
    noise = capability_noise(lane.pack.game, name, len(inputs[0]))
    given = given_of(lane.pack.game, lane.examples)
    found: Tensor = lane.pack.call(name, noise, *inputs, seed=lane.seed, given=given)[0]
    return found
