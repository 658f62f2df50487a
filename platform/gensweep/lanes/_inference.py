"""Calls methods of a game outside training: many lanes at once, in evaluation mode, no gradient.

L lanes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gensweep.lanes._functional import eval_mode, nets_of, over_lanes
from gensweep.lanes._stack import Stack


def evaluate(
    compute: Callable[[Any, Any, Any], Any],
    stacks: Mapping[str, Stack],
    slots: list[int],
    *,
    noise: Mapping[str, Tensor],
    hyper: Mapping[str, Tensor],
) -> Any:
    """Call `compute(nets, noise, hyper)` for the lanes in `slots`: [L, ...].

    `noise` and `hyper` have these lanes in front. Weights are the moving average if there is one.
    """
    params = {n: s.views(s.sampling_weights()[slots]) for n, s in stacks.items()}
    averages = {n: params[n] for n, s in stacks.items() if s.ema is not None}
    buffers = {n: {k: b[slots] for k, b in s.buffers.items()} for n, s in stacks.items()}

    def one(params: Any, averages: Any, buffers: Any, noise: Any, hyper: Any) -> Any:
        return compute(nets_of(stacks, params, buffers, averages), noise, hyper)

    with eval_mode(stacks), torch.no_grad():
        return over_lanes(one, len(slots))(params, averages, buffers, dict(noise), dict(hyper))
