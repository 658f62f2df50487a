"""Updates of torch.optim on stacked parameters: every scalar may differ from lane to lane.

L lanes, P parameters of one player, all of them in one matrix [L, P]; scalars are [L, 1].
Tested step by step against torch.optim. On a CPU `_optimizer_step_cpu` steps Adam and AdamW.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

State = dict[str, Tensor]
Scalars = Mapping[str, Tensor]
Update = Callable[[Tensor, Tensor, State, Scalars], tuple[Tensor, State]]

EPS = 1e-8
RMSPROP_ALPHA = 0.99
EMA_WARMUP = 10
"""The average of weights keeps at most steps / (EMA_WARMUP + steps) of its past, or the initial
weights would linger in it."""


def sgd(params: Tensor, grad: Tensor, state: State, s: Scalars) -> tuple[Tensor, State]:
    """Stochastic gradient descent with momentum and L2 weight decay (torch.optim.SGD)."""
    grad = grad + s["weight_decay"] * params
    # Lanes are at different steps: what torch decides once with an `if`, a mask decides for each.
    first = state["steps"] == 0
    velocity = torch.where(first, grad, s["momentum"] * state["velocity"] + grad)
    return params - s["learning_rate"] * velocity, {"velocity": velocity}


def rmsprop(params: Tensor, grad: Tensor, state: State, s: Scalars) -> tuple[Tensor, State]:
    """RMSProp with alpha 0.99 (torch.optim.RMSprop; Tieleman and Hinton 2012)."""
    grad = grad + s["weight_decay"] * params
    square = RMSPROP_ALPHA * state["square"] + (1 - RMSPROP_ALPHA) * grad * grad
    step = grad / (square.sqrt() + EPS)
    velocity = s["momentum"] * state["velocity"] + step
    return params - s["learning_rate"] * velocity, {"square": square, "velocity": velocity}


def adam(params: Tensor, grad: Tensor, state: State, s: Scalars) -> tuple[Tensor, State]:
    """Adam with L2 weight decay (Kingma and Ba 2015, Algorithm 1; torch.optim.Adam)."""
    return _adam(params, grad + s["weight_decay"] * params, state, s)


def adamw(params: Tensor, grad: Tensor, state: State, s: Scalars) -> tuple[Tensor, State]:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019; torch.optim.AdamW)."""
    decayed = params * (1 - s["learning_rate"] * s["weight_decay"])
    return _adam(decayed, grad, state, s)


def _adam(params: Tensor, grad: Tensor, state: State, s: Scalars) -> tuple[Tensor, State]:
    beta1, beta2, steps = s["beta1"], s["beta2"], state["steps"] + 1
    mean = beta1 * state["mean"] + (1 - beta1) * grad
    square = beta2 * state["square"] + (1 - beta2) * grad * grad
    # The bias corrections are tensors, because `steps` differ from lane to lane.
    scale = (square / (1 - beta2**steps)).sqrt() + EPS
    step = s["learning_rate"] / (1 - beta1**steps)
    return params - step * mean / scale, {"mean": mean, "square": square}


OPTIMIZERS: dict[str, tuple[Update, tuple[str, ...]]] = {
    "sgd": (sgd, ("velocity",)),
    "rmsprop": (rmsprop, ("square", "velocity")),
    "adam": (adam, ("mean", "square")),
    "adamw": (adamw, ("mean", "square")),
}
"""The update and the names of its moments, each [L, P], by name; `steps` [L, 1] counts turns."""

SCALARS = ("learning_rate", "beta1", "beta2", "momentum", "weight_decay")


def initial_state(name: str, like: Tensor) -> State:
    """Return the state before the first step, for parameters `like` [L, P]."""
    moments = {moment: torch.zeros_like(like) for moment in OPTIMIZERS[name][1]}
    return moments | {"steps": like.new_zeros(like.shape[0], 1)}
