"""Takes an optimiser's step in all lanes; on a CPU see also `_optimizer_step_cpu`.

L lanes, P parameters.
"""

import torch
from torch import Tensor

from gensweep.game import Scalar, UpdateStep
from gensweep.lanes._learning_rate import schedule_of
from gensweep.lanes._optimizer_formulas import EMA_WARMUP, State, Tensors, Updated, optimizer_of
from gensweep.lanes._stack import Stack

NORM_EPS = 1e-6
"""Added to a gradient's norm before it divides the bound, as in torch.nn.utils.clip_grad_norm_."""


def update(
    stack: Stack, flat: Tensor, ema: Tensor | None, state: State, grad: Tensor,
    hyper: Tensors, mask: Tensor | None,
) -> None:  # fmt: skip
    """Update weights, moments and average [L, P] in place in the lanes of `mask` [L, 1].

    They are the stack's own, or copies of some of its lanes. `hyper` has [L]; without a mask, all
    lanes are updated.
    """
    # Out of place first: a lane that rests keeps its old values, which the mask then picks.
    new, changed = stepped(stack, flat, state, grad, hyper)
    if ema is not None and stack.player.ema is not None:
        steps = changed["steps"]
        rate = torch.minimum(scalar(stack.player.ema, hyper, flat), steps / (EMA_WARMUP + steps))
        _assign(ema, torch.lerp(new, ema, rate.expand_as(new)), mask)
    _assign(flat, new, mask)
    for name, value in changed.items():
        _assign(state[name], value, mask)


def average_buffers(
    stack: Stack, hyper: Tensors, mask: Tensor | None, index: Tensor | slice
) -> None:
    """Move the averages of a stack's buffers after a step of the lanes `index`, as its weights'."""
    steps = stack.optimizer["steps"][index]
    rate = scalar(stack.player.ema or 0.0, hyper, steps)
    rate = torch.minimum(rate, steps / (EMA_WARMUP + steps))
    for name, room in stack.ema_buffers.items():
        sides = [1] * (room.ndim - 1)
        old, now = room[index], stack.buffers[name][index]
        new = torch.lerp(now, old, rate.view(-1, *sides).expand_as(now))
        room[index] = new if mask is None else torch.where(mask.view(-1, *sides), new, old)


def stepped(stack: Stack, flat: Tensor, state: State, grad: Tensor, hyper: Tensors) -> Updated:
    """Return the weights [L, P] and the state after one step; nothing is written."""
    player, rule = stack.player, optimizer_of(stack.player)
    scalars = {name: scalar(getattr(player, name), hyper, flat) for name in rule.reads}
    if (factor := schedule_of(player)) is not None:
        progress = hyper["progress"][:, None]
        scalars["learning_rate"] = scalars["learning_rate"] * factor(progress)
    if stack.groups.decaying is not None and "weight_decay" in scalars:
        scalars["weight_decay"] = scalars["weight_decay"] * stack.groups.decaying
    if player.max_grad_norm is not None:
        grad = clip_norm(grad, scalar(player.max_grad_norm, hyper, flat))
    if stack.groups.numbers is None:
        new, moments = rule.step(flat, grad, state, scalars)
    else:
        new, moments = _step_of_each(stack.groups.numbers, rule.step, flat, grad, state, scalars)
    # Weight clipping of the Wasserstein GAN (arXiv:1701.07875); the average sees bounded weights.
    if player.weight_bound is not None:
        bound = scalar(player.weight_bound, hyper, flat)
        new = torch.minimum(torch.maximum(new, -bound), bound)
    return new, {"steps": state["steps"] + 1} | moments


def _step_of_each(
    numbers: Tensor, step: UpdateStep, flat: Tensor, grad: Tensor, state: State, scalars: Tensors
) -> Updated:
    """Step where each parameter counts its own steps, from its first gradient other than zero on.

    One that has had none yet is left as it is, as torch.optim leaves those whose gradient is None:
    by the lane's count, Adam would take moments that begin late for settled ones, and its first
    step would be up to (1 - beta1) / sqrt(1 - beta2) times too large.
    """
    own = state["own_steps"]
    touched = torch.zeros_like(own).index_add(1, numbers, (grad != 0).to(own.dtype))
    awake = (own > 0) | (touched > 0)
    counted = state | {"steps": own.index_select(1, numbers)}
    new, moments = step(flat, grad, counted, scalars)
    moving = awake.index_select(1, numbers)
    kept = {name: torch.where(moving, value, state[name]) for name, value in moments.items()}
    return torch.where(moving, new, flat), kept | {"own_steps": own + awake}


def clip_norm(grad: Tensor, bound: Tensor) -> Tensor:
    """Scale each lane's gradient [L, P], as one vector, to a norm of at most `bound` [L, 1]."""
    norm: Tensor = torch.linalg.vector_norm(grad, dim=1, keepdim=True)
    return grad * (bound / (norm + NORM_EPS)).clamp(max=1)


def scalar(value: Scalar, hyper: Tensors, like: Tensor) -> Tensor:
    """Return a hyperparameter as [L, 1]: a lane's own value, or a constant."""
    if isinstance(value, str):
        return hyper[value][:, None]
    return like.new_full((like.shape[0], 1), float(value))


def _assign(room: Tensor, new: Tensor, mask: Tensor | None) -> None:
    # In place, because traces and CUDA graphs hold the address of the state.
    room.copy_(new if mask is None else torch.where(mask, new, room))
