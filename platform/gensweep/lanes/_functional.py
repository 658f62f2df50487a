"""Makes networks pure functions of one lane, and functions of one lane functions of many."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.func import vmap
from torch.utils import _pytree as pytree

from gensweep.lanes._net import Net
from gensweep.lanes._stack import Stack
from gensweep.precision import Precision

Stacked = dict[str, dict[str, Tensor]]
"""Tensors with the lanes in front, by player and name."""


def nets_of(
    stacks: Mapping[str, Stack], params: Stacked, buffers: Stacked, averages: Stacked,
    precision: Precision = "fp32",
) -> dict[str, Net]:  # fmt: skip
    """Bind each player's module to one lane's parameters and buffers.

    `averages` has the averaged weights of those players that keep them.
    """
    return {
        name: Net(name, stack.module, params[name], buffers[name], average=averages.get(name),
                  precision=precision)
        for name, stack in stacks.items()
    }  # fmt: skip


def over_lanes(fn: Callable[..., Any], lanes: int) -> Callable[..., Any]:
    """Map `fn` of one lane over arguments that are trees of tensors with the lanes in front."""
    if lanes > 1:
        # Noise is an argument: randomness inside would depend on the neighbours, so it is refused.
        return vmap(fn, randomness="error")

    # vmap of one lane would only cost time: batched kernels are slower than plain ones.
    def alone(*args: Any) -> Any:
        pick = pytree.tree_map(lambda t: t[0], args)
        return pytree.tree_map(lambda t: t[None], fn(*pick))

    return alone


@contextmanager
def eval_mode(stacks: Mapping[str, Stack], learning: Collection[str] = ()) -> Iterator[None]:
    """Set modules to evaluation mode, but for those `learning`; afterwards all to training mode."""
    for name, stack in stacks.items():
        stack.module.train(name in learning)
    try:
        yield
    finally:
        for stack in stacks.values():
            stack.module.train()
