"""Steps an optimiser on a CPU by torch's fused kernels, which pass over memory once a lane.

A dozen stacked operations on weights that no cache holds cost more than the gradient does.

L lanes, P parameters.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.game import Scalar
from gensweep.lanes._learning_rate import lane_factors
from gensweep.lanes._optimizer_formulas import EMA_WARMUP, optimizer_of
from gensweep.lanes._optimizer_step import clip_norm, scalar
from gensweep.lanes._parameter_groups import Group
from gensweep.lanes._stack import Stack

KERNELS: dict[str, Any] = {"adam": torch._fused_adam_, "adamw": torch._fused_adamw_}


def has_kernel(stack: Stack) -> bool:
    """Return whether torch has a fused kernel for the player's optimiser on its device."""
    rule, frozen = stack.player.optimizer, stack.player.frozen
    return stack.flat.device.type == "cpu" and not frozen and rule in KERNELS


def update_on_cpu(
    stack: Stack, grad: Tensor, hyper: Mapping[str, Tensor], places: Iterable[tuple[int, int]]
) -> None:
    """Update weights, moments and average of some lanes, as `update` does by the formulas.

    `places` are these lanes' rows in `grad` and `hyper`, and their slots.
    """
    # Kernels take scalars, not tensors. A `tolist` waits for nothing here, for this is a CPU.
    player = stack.player
    names = (*optimizer_of(player).reads, "ema", "weight_bound")
    wanted = {name: v for name in names if (v := getattr(player, name)) is not None}
    values = {name: _values(value, hyper, len(grad)) for name, value in wanted.items()}
    factors = lane_factors(player, hyper)
    if player.max_grad_norm is not None:
        grad = clip_norm(grad, scalar(player.max_grad_norm, hyper, grad))
    for at, slot in places:
        own = {name: each[at] for name, each in values.items()}
        if factors is not None:
            own["learning_rate"] *= factors[at]
        _update_lane(stack, slot, grad[at], own)


def _update_lane(stack: Stack, slot: int, grad: Tensor, own: Mapping[str, float]) -> None:
    """Update one lane by its gradient [P] and its own scalars."""
    # The row of a matrix is contiguous: the kernel sees one parameter vector of one trial.
    row, steps = stack.flat[slot], stack.optimizer["steps"][slot, 0]
    steps += 1
    for parts, counts, decays in _calls(stack, slot, grad, steps):
        tensors = (row, grad, stack.optimizer["mean"][slot], stack.optimizer["square"][slot])
        KERNELS[str(stack.player.optimizer)](
            *([one[part] for part in parts] for one in tensors), [], counts,
            lr=own["learning_rate"], beta1=own["beta1"], beta2=own["beta2"],
            weight_decay=own["weight_decay"] if decays else 0.0, eps=own["eps"],
            amsgrad=False, maximize=False,
        )  # fmt: skip
    if "weight_bound" in own:
        row.clamp_(-own["weight_bound"], own["weight_bound"])
    if stack.ema is not None:
        count = float(steps)
        keep = min(own["ema"], count / (EMA_WARMUP + count))
        stack.ema[slot].lerp_(row, 1 - keep)


Call = tuple[list[slice], list[Tensor], bool]
"""Columns of a kernel's call, the number of the step in each, and whether weight decay acts."""


def _calls(stack: Stack, slot: int, grad: Tensor, steps: Tensor) -> Iterator[Call]:
    """Yield the calls that step the lane: one, or one for each way of decaying."""
    counts = [steps] * len(stack.groups.each)
    if stack.groups.count_steps:
        counts = list(stack.optimizer["own_steps"][slot].unbind())
    due = [(group, count) for group, count in zip(stack.groups.each, counts, strict=True)
           if not stack.groups.count_steps or _wake(group, count, grad)]  # fmt: skip
    for decays in (True, False):
        chosen = [(group.columns, count) for group, count in due if group.decays == decays]
        if chosen:
            yield [part for part, _ in chosen], [count for _, count in chosen], decays


def _wake(group: Group, count: Tensor, grad: Tensor) -> bool:
    """Count a step of the parameter, in place; False if it has had no gradient but zeros yet."""
    if not count and not grad[group.columns].any():
        return False
    count += 1
    return True


def _values(value: Scalar, hyper: Mapping[str, Tensor], lanes: int) -> list[float]:
    """Return a hyperparameter of each lane: its own value, or a constant."""
    return hyper[value].tolist() if isinstance(value, str) else [float(value)] * lanes
