"""Networks as pure functions of one lane, and functions of one lane as functions of many."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor
from torch.func import functional_call, vmap
from torch.utils import _pytree as pytree

from gensweep.lanes._precision import Precision, cast
from gensweep.lanes._stack import Stack

Stacked = dict[str, dict[str, Tensor]]
"""Player to name to a tensor with the lanes in front."""


def nets_of(
    stacks: Mapping[str, Stack], params: Stacked, buffers: Stacked, precision: Precision = "fp32"
) -> dict[str, Any]:
    """Each player's module as a pure function of one lane's parameters and buffers."""

    def bind(name: str) -> Callable[..., Any]:
        module, state = stacks[name].module, (params[name], buffers[name])

        def net(*args: Any, **kwargs: Any) -> Any:
            return functional_call(module, state, args, kwargs)

        return cast(net, precision)

    return {name: bind(name) for name in stacks}


def over_lanes(fn: Callable[..., Any], lanes: int) -> Callable[..., Any]:
    """`fn` of one lane, for arguments that are dicts of tensors with the lanes in front."""
    if lanes > 1:
        return vmap(fn, randomness="error")

    def alone(*args: Any) -> Any:
        pick = pytree.tree_map(lambda t: t[0], args)
        return pytree.tree_map(lambda t: t[None], fn(*pick))

    return alone


@contextmanager
def frozen(stacks: Mapping[str, Stack], learning: Collection[str] = ()) -> Iterator[None]:
    """The modules of `stacks` in evaluation mode, but for those `learning`; then in training."""
    for name, stack in stacks.items():
        stack.module.train(name in learning)
    try:
        yield
    finally:
        for stack in stacks.values():
            stack.module.train()
