"""Updates on stacked parameters, torch.optim's and others: scalars may differ from lane to lane.

L lanes, P parameters of one player, all of them in one matrix [L, P]; scalars are [L, 1], or [L, P]
where a player's parameters differ in them. Tested step by step against torch.optim where it has
the same. On a CPU `_optimizer_step_cpu` steps Adam and AdamW.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from gensweep.game import Optimizer, Player, UpdateStep

State = dict[str, Tensor]
Tensors = Mapping[str, Tensor]
Updated = tuple[Tensor, State]

RMSPROP_ALPHA = 0.99
EMA_WARMUP = 10
"""The average of weights keeps at most steps / (EMA_WARMUP + steps) of its past, or the initial
weights would linger in it."""


def sgd(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """Stochastic gradient descent with momentum and L2 weight decay (torch.optim.SGD)."""
    grad = grad + s["weight_decay"] * params
    # Lanes are at different steps: what torch decides once with an `if`, a mask decides for each.
    first = state["steps"] == 0
    velocity = torch.where(first, grad, s["momentum"] * state["velocity"] + grad)
    return params - s["learning_rate"] * velocity, {"velocity": velocity}


def rmsprop(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """RMSProp with alpha 0.99 (torch.optim.RMSprop; Tieleman and Hinton 2012)."""
    grad = grad + s["weight_decay"] * params
    square = RMSPROP_ALPHA * state["square"] + (1 - RMSPROP_ALPHA) * grad * grad
    step = grad / (square.sqrt() + s["eps"])
    velocity = s["momentum"] * state["velocity"] + step
    return params - s["learning_rate"] * velocity, {"square": square, "velocity": velocity}


def adam(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """Adam with L2 weight decay (Kingma and Ba 2015, Algorithm 1; torch.optim.Adam)."""
    return _adam(params, grad + s["weight_decay"] * params, state, s)


def adamw(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019; torch.optim.AdamW)."""
    decayed = params * (1 - s["learning_rate"] * s["weight_decay"])
    return _adam(decayed, grad, state, s)


def _adam(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    mean, square, scale, steps = _adam_moments(grad, state, s)
    step = s["learning_rate"] / (1 - s["beta1"] ** steps)
    return params - step * mean / scale, {"mean": mean, "square": square}


def _adam_moments(
    grad: Tensor, state: Tensors, s: Tensors
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the new moments, the corrected second one's square root, and the step's number."""
    beta1, beta2, steps = s["beta1"], s["beta2"], state["steps"] + 1
    mean = beta1 * state["mean"] + (1 - beta1) * grad
    square = beta2 * state["square"] + (1 - beta2) * grad * grad
    # The bias corrections are tensors, because `steps` differ from lane to lane.
    return mean, square, (square / (1 - beta2**steps)).sqrt() + s["eps"], steps


def adamax(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """Adam by the largest gradient (Kingma and Ba 2015, Algorithm 2; torch.optim.Adamax)."""
    beta1, steps = s["beta1"], state["steps"] + 1
    grad = grad + s["weight_decay"] * params
    mean = beta1 * state["mean"] + (1 - beta1) * grad
    largest = torch.maximum(s["beta2"] * state["largest"], grad.abs() + s["eps"])
    step = s["learning_rate"] / (1 - beta1**steps)
    return params - step * mean / largest, {"mean": mean, "largest": largest}


def lion(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """Step by the sign of an interpolated momentum (Chen et al., arXiv:2302.06675, Algorithm 2)."""
    beta1, beta2, mean = s["beta1"], s["beta2"], state["mean"]
    direction = (beta1 * mean + (1 - beta1) * grad).sign()
    new = params - s["learning_rate"] * (direction + s["weight_decay"] * params)
    return new, {"mean": beta2 * mean + (1 - beta2) * grad}


def optimistic_sgd(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """Step along 2 g_t - g_{t-1}, g_0 = 0 (Daskalakis et al., arXiv:1711.00141, equation 2)."""
    grad = grad + s["weight_decay"] * params
    return params - s["learning_rate"] * (2 * grad - state["last"]), {"last": grad}


def optimistic_adam(params: Tensor, grad: Tensor, state: Tensors, s: Tensors) -> Updated:
    """Step along twice Adam's direction less its last (arXiv:1711.00141, Algorithm 1)."""
    grad = grad + s["weight_decay"] * params
    mean, square, scale, steps = _adam_moments(grad, state, s)
    direction = mean / (1 - s["beta1"] ** steps) / scale
    new = params - s["learning_rate"] * (2 * direction - state["last"])
    return new, {"mean": mean, "square": square, "last": direction}


@dataclass(frozen=True, slots=True)
class Formula:
    """An optimiser of the table."""

    name: str
    moments: tuple[str, ...]
    reads: tuple[str, ...]
    step: UpdateStep


_PLAIN = ("learning_rate", "weight_decay")
_ADAM = (*_PLAIN, "beta1", "beta2", "eps")
_FORMULAS = (
    Formula("sgd", ("velocity",), (*_PLAIN, "momentum"), sgd),
    Formula("rmsprop", ("square", "velocity"), (*_PLAIN, "momentum", "eps"), rmsprop),
    Formula("adam", ("mean", "square"), _ADAM, adam),
    Formula("adamw", ("mean", "square"), _ADAM, adamw),
    Formula("adamax", ("mean", "largest"), _ADAM, adamax),
    Formula("lion", ("mean",), (*_PLAIN, "beta1", "beta2"), lion),
    Formula("optimistic_sgd", ("last",), _PLAIN, optimistic_sgd),
    Formula("optimistic_adam", ("mean", "square", "last"), _ADAM, optimistic_adam),
)
OPTIMIZERS: dict[str, Optimizer] = {one.name: one for one in _FORMULAS}
"""The optimisers that a player may have by name; it may also have one of its own."""

SCALARS = ("learning_rate", "beta1", "beta2", "momentum", "weight_decay", "eps")
"""The hyperparameters of a player that an optimiser may read."""


def optimizer_of(player: Player) -> Optimizer:
    """Return the player's optimiser: its own, or that of the table with the name."""
    rule = player.optimizer
    return OPTIMIZERS[rule] if isinstance(rule, str) else rule


def initial_state(player: Player, like: Tensor, parameters: int) -> State:
    """Return the state before the first step, for weights `like` [L, P]; empty for the frozen.

    `steps` [L, 1] counts turns; `own_steps` [L, parameters] those of each parameter, if they count.
    """
    if player.frozen:
        return {}
    state = {moment: torch.zeros_like(like) for moment in optimizer_of(player).moments}
    state["steps"] = like.new_zeros(like.shape[0], 1)
    if player.steps_per_parameter:
        state["own_steps"] = like.new_zeros(like.shape[0], parameters)
    return state
