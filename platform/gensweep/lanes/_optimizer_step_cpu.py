"""Steps an optimiser on a CPU by torch's fused kernels, which pass over memory once a lane.

A dozen stacked operations on weights that no cache holds cost more than the gradient does.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.game import Scalar
from gensweep.lanes._optimizer_formulas import EMA_WARMUP, EPS, SCALARS
from gensweep.lanes._stack import Stack

KERNELS: dict[str, Any] = {"adam": torch._fused_adam_, "adamw": torch._fused_adamw_}


def has_kernel(stack: Stack) -> bool:
    """Return whether torch has a fused kernel for the player's optimiser on its device."""
    return stack.flat.device.type == "cpu" and stack.player.optimizer in KERNELS


def update_on_cpu(
    stack: Stack, grad: Tensor, hyper: Mapping[str, Tensor], places: Iterable[tuple[int, int]]
) -> None:
    """Update weights, moments and average of some lanes, as `update` does by the formulas.

    `places` are these lanes' rows in `grad` and `hyper`, and their slots.
    """
    # Kernels take scalars, not tensors. A `tolist` waits for nothing here, for this is a CPU.
    player, state = stack.player, stack.optimizer
    wanted = {n: v for n in (*SCALARS, "ema", "clip") if (v := getattr(player, n)) is not None}
    values = {name: _values(value, hyper, len(grad)) for name, value in wanted.items()}
    progress = hyper["progress"].tolist() if player.decay else None
    kernel = KERNELS[player.optimizer]
    for at, slot in places:
        # The row of a matrix is contiguous: the kernel sees one parameter vector of one trial.
        row, steps = stack.flat[slot], state["steps"][slot, 0]
        steps += 1
        rate = values["learning_rate"][at]
        kernel(
            [row], [grad[at]], [state["mean"][slot]], [state["square"][slot]], [], [steps],
            lr=rate * (1 - progress[at]) if progress else rate,
            beta1=values["beta1"][at], beta2=values["beta2"][at],
            weight_decay=values["weight_decay"][at], eps=EPS, amsgrad=False, maximize=False,
        )  # fmt: skip
        if "clip" in values:
            row.clamp_(-values["clip"][at], values["clip"][at])
        if stack.ema is not None:
            count = float(steps)
            keep = min(values["ema"][at], count / (EMA_WARMUP + count))
            stack.ema[slot].lerp_(row, 1 - keep)


def _values(value: Scalar, hyper: Mapping[str, Tensor], lanes: int) -> list[float]:
    """Return a hyperparameter of each lane: its own value, or a constant."""
    return hyper[value].tolist() if isinstance(value, str) else [float(value)] * lanes
