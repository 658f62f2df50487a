"""A function of lanes as a flat list of tensor operations, for any number of lanes.

Tracing takes half a second. So a function is traced for two numbers of lanes, and what it does
for others follows: a trace's sizes are constant, or multiples of the lanes.

L lanes.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, fx
from torch._subclasses import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from gensweep.lanes._autotune import choose
from gensweep.lanes._blocks import even_out
from gensweep.lanes._tidy import tidied

Size = Callable[[int, int], int]
"""A size for other lanes, of what it is in two traces."""


class Traces:
    """`fn`, whose arguments have the lanes in front, by replayed traces."""

    def __init__(self, fn: Callable[..., Any]):
        self._fn = fn
        self._raw: dict[int, fx.GraphModule] = {}
        self._ready: dict[int, fx.GraphModule] = {}

    def __call__(self, *args: Any) -> Any:
        lanes = len(next(t for t in pytree.tree_leaves(args) if isinstance(t, Tensor)))
        if lanes not in self._ready:
            trace = self._for(lanes, args)
            even_out(trace, lanes)
            tidied(trace)
            choose(trace)
            self._ready[lanes] = trace
        with torch.no_grad():
            return self._ready[lanes](args)

    def _for(self, lanes: int, args: Any) -> fx.GraphModule:
        """The trace for so many lanes: it follows from two others, or is taken."""
        if len(self._raw) == 2:
            found = extended(self._raw, lanes)
            if found is not None:
                return found
        trace: fx.GraphModule = make_fx(lambda packed: self._fn(*packed))(_copies(args))
        if len(self._raw) < 2 and lanes > 1:
            self._raw[lanes] = _copy(trace)
        return trace


def _copies(args: Any) -> Any:
    """Copies, so that tracing, which executes once, changes nothing."""
    return pytree.tree_map(lambda t: t.clone() if isinstance(t, Tensor) else t, args)


def _copy(trace: fx.GraphModule) -> fx.GraphModule:
    graph = fx.Graph()
    result, _ = graph.graph_copy(trace.graph, {}, return_output_node=True)  # type: ignore[misc]
    graph.output(result)
    graph.set_codegen(trace.graph._codegen)
    return fx.GraphModule(trace, graph)


class UnlikeError(Exception):
    """Two traces differ in more than sizes."""


def extended(known: Mapping[int, fx.GraphModule], lanes: int) -> fx.GraphModule | None:
    """The trace for `lanes` lanes as it follows from those for two other numbers.

    None if these differ in more than sizes.
    """
    (few, first), (many, second) = sorted(known.items())

    def size(mine: int, other: int) -> int:
        if mine == other:
            return mine
        if mine * many != other * few or mine % few:
            raise UnlikeError
        return mine // few * lanes

    found = _copy(first)
    pairs = list(zip(found.graph.nodes, second.graph.nodes, strict=False))
    if not all(_alike(*pair) for pair in pairs):
        return None
    try:
        with FakeTensorMode():
            for node, other in pairs:
                _extend(node, other, size)
    except (UnlikeError, ValueError, KeyError):
        return None
    return found


def _alike(node: fx.Node, other: fx.Node) -> bool:
    """Whether both do the same with the results of the same nodes, or are the same constant."""
    if (node.op, node.target) != (other.op, other.target):
        return False
    if [n.name for n in node.all_input_nodes] != [n.name for n in other.all_input_nodes]:
        return False
    return node.op != "get_attr" or torch.equal(_constant(node), _constant(other))


def _extend(node: fx.Node, other: fx.Node, size: Size) -> None:
    node.args = _between(node.args, other.args, size)
    node.kwargs = _between(node.kwargs, other.kwargs, size)
    node.meta = {"val": _between(node.meta.get("val"), other.meta.get("val"), size)}


def _between(mine: Any, other: Any, size: Size) -> Any:
    """An argument of an operation for another number of lanes."""
    if isinstance(mine, fx.Node):
        return mine
    if isinstance(mine, Tensor):
        shape, stride = (_between(each(mine), each(other), size) for each in (_shape, _stride))
        return torch.empty_strided(shape, stride, dtype=mine.dtype, device=mine.device)
    if isinstance(mine, list | tuple):
        return type(mine)(_between(*pair, size) for pair in zip(mine, other, strict=True))
    if isinstance(mine, dict):
        return {name: _between(value, other[name], size) for name, value in mine.items()}
    if type(mine) is int:
        return size(mine, other)
    if mine != other:
        raise UnlikeError
    return mine


def _constant(node: fx.Node) -> Tensor:
    value: Tensor = getattr(node.graph.owning_module, str(node.target))
    return value


def _shape(tensor: Tensor) -> tuple[int, ...]:
    return tuple(tensor.shape)


def _stride(tensor: Tensor) -> tuple[int, ...]:
    return tensor.stride()
