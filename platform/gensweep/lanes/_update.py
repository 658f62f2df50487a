"""An optimiser's step of all lanes, written once for all optimisers; on a CPU see `_fused`.

L lanes, P parameters.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from gensweep.game import Player, Scalar
from gensweep.lanes._optim import EMA_WARMUP, OPTIMIZERS, SCALARS, State


def update(
    player: Player, flat: Tensor, ema: Tensor | None, state: State, grad: Tensor,
    hyper: Mapping[str, Tensor], mask: Tensor | None,
) -> None:  # fmt: skip
    """Change weights, moments and average [L, P] in place in the lanes of `mask` [L, 1].

    `hyper` has [L]; without a mask, in all lanes.
    """
    scalars = {name: _scalar(getattr(player, name), hyper, flat) for name in SCALARS}
    if player.decay:
        scalars["learning_rate"] = scalars["learning_rate"] * (1 - hyper["progress"][:, None])
    new, moments = OPTIMIZERS[player.optimizer][0](flat, grad, state, scalars)
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
    """A hyperparameter as [L, 1]: a lane's own value, or a constant."""
    if isinstance(value, str):
        return hyper[value][:, None]
    return like.new_full((like.shape[0], 1), float(value))


def _assign(room: Tensor, new: Tensor, mask: Tensor | None) -> None:
    room.copy_(new if mask is None else torch.where(mask, new, room))
