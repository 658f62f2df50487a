"""Takes an optimiser's step in all lanes; on a CPU see also `_optimizer_step_cpu`.

L lanes, P parameters.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from gensweep.game import Player, Scalar
from gensweep.lanes._optimizer_formulas import EMA_WARMUP, OPTIMIZERS, SCALARS, State


def update(
    player: Player, flat: Tensor, ema: Tensor | None, state: State, grad: Tensor,
    hyper: Mapping[str, Tensor], mask: Tensor | None,
) -> None:  # fmt: skip
    """Update weights, moments and average [L, P] in place in the lanes of `mask` [L, 1].

    `hyper` has [L]; without a mask, in all lanes.
    """
    scalars = {name: _scalar(getattr(player, name), hyper, flat) for name in SCALARS}
    if player.decay:
        scalars["learning_rate"] = scalars["learning_rate"] * (1 - hyper["progress"][:, None])
    # Out of place first: a lane that rests keeps its old values, which the mask then picks.
    new, moments = OPTIMIZERS[player.optimizer][0](flat, grad, state, scalars)
    # Weight clipping of the Wasserstein GAN (arXiv:1701.07875); the average sees clipped weights.
    if player.clip is not None:
        bound = hyper[player.clip][:, None]
        new = torch.minimum(torch.maximum(new, -bound), bound)
    steps = state["steps"] + 1
    if ema is not None and player.ema is not None:
        rate = torch.minimum(_scalar(player.ema, hyper, flat), steps / (EMA_WARMUP + steps))
        _assign(ema, torch.lerp(new, ema, rate.expand_as(new)), mask)
    _assign(flat, new, mask)
    for name, moment in (moments | {"steps": steps}).items():
        _assign(state[name], moment, mask)


def _scalar(value: Scalar, hyper: Mapping[str, Tensor], like: Tensor) -> Tensor:
    """Return a hyperparameter as [L, 1]: a lane's own value, or a constant."""
    if isinstance(value, str):
        return hyper[value][:, None]
    return like.new_full((like.shape[0], 1), float(value))


def _assign(room: Tensor, new: Tensor, mask: Tensor | None) -> None:
    # In place, because traces and CUDA graphs hold the address of the state.
    room.copy_(new if mask is None else torch.where(mask, new, room))
