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
    state, kernel = stack.optimizer, KERNELS[str(player.optimizer)]
    for at, slot in places:
        # The row of a matrix is contiguous: the kernel sees one parameter vector of one trial.
        row, steps = stack.flat[slot], state["steps"][slot, 0]
        steps += 1
        rate, decay = values["learning_rate"][at], values["weight_decay"][at]
        rows = row, grad[at], state["mean"][slot], state["square"][slot]
        for tensors, counts, decays in _calls(stack, slot, rows, steps):
            kernel(
                *tensors, [], counts,
                lr=rate if factors is None else rate * factors[at],
                beta1=values["beta1"][at], beta2=values["beta2"][at],
                weight_decay=decay if decays else 0.0, eps=values["eps"][at],
                amsgrad=False, maximize=False,
            )  # fmt: skip
        if "weight_bound" in values:
            row.clamp_(-values["weight_bound"][at], values["weight_bound"][at])
        if stack.ema is not None:
            count = float(steps)
            keep = min(values["ema"][at], count / (EMA_WARMUP + count))
            stack.ema[slot].lerp_(row, 1 - keep)


Rows = tuple[Tensor, ...]
"""One lane's weights, gradient and moments, each [P]."""
Call = tuple[list[list[Tensor]], list[Tensor], bool]
"""A kernel's call: parts of the rows, the number of the step in each, and whether they decay."""


def _calls(stack: Stack, slot: int, rows: Rows, steps: Tensor) -> Iterable[Call]:
    """Return the calls that step the lane: one, or one for each way of decaying."""
    groups = stack.groups
    if groups.decaying is None and not groups.count_steps:
        return (([[row] for row in rows], [steps], True),)
    return _calls_by_group(stack, slot, rows, steps)


def _calls_by_group(stack: Stack, slot: int, rows: Rows, steps: Tensor) -> Iterator[Call]:
    counts = [steps] * len(stack.groups.each)
    if stack.groups.count_steps:
        counts = list(stack.optimizer["own_steps"][slot].unbind())
    due = [(group, count) for group, count in zip(stack.groups.each, counts, strict=True)
           if not stack.groups.count_steps or _wake(group, count, rows[1])]  # fmt: skip
    for decays in (True, False):
        chosen = [(group.columns, count) for group, count in due if group.decays == decays]
        if chosen:
            parts = [[row[columns] for columns, _ in chosen] for row in rows]
            yield parts, [count for _, count in chosen], decays


def _wake(group: Group, count: Tensor, grad: Tensor) -> bool:
    """Count a step of the parameter, in place; False if it has had no gradient but zeros yet."""
    if not count and not grad[group.columns].any():
        return False
    count += 1
    return True


def _values(value: Scalar, hyper: Mapping[str, Tensor], lanes: int) -> list[float]:
    """Return a hyperparameter of each lane: its own value, or a constant."""
    return hyper[value].tolist() if isinstance(value, str) else [float(value)] * lanes
