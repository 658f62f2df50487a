"""Traces a function of lanes into a flat list of tensor operations, for any number of lanes.

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

from gensweep.lanes._autotune import autotune_convolutions
from gensweep.lanes._blocks import even_out
from gensweep.lanes._tidy import simplify

Size = Callable[[int, int], int]
"""Maps a size in two traces to the size for another number of lanes."""


class Traces:
    """Calls `fn`, whose arguments have the lanes in front, by replaying traces of it.

    Not to `tune` keeps all operations as they are, and with them the bits of a call of `fn`.
    """

    def __init__(self, fn: Callable[..., Any], *, tune: bool = True):
        self._fn, self._tune = fn, tune
        self._raw: dict[int, fx.GraphModule] = {}
        self._ready: dict[int, fx.GraphModule] = {}

    def __call__(self, *args: Any) -> Any:
        # Passes change a trace in place for one number of lanes; `_raw` keeps two as they were.
        lanes = len(next(t for t in pytree.tree_leaves(args) if isinstance(t, Tensor)))
        if lanes not in self._ready:
            trace = self._trace_for(lanes, args)
            if self._tune:
                even_out(trace, lanes)
                simplify(trace)
                autotune_convolutions(trace)
            self._ready[lanes] = trace
        with torch.no_grad():
            return self._ready[lanes](args)

    def _trace_for(self, lanes: int, args: Any) -> fx.GraphModule:
        """Return a fresh trace for so many lanes: extrapolated from two others, or else traced."""
        if len(self._raw) == 2:
            found = extrapolate(self._raw, lanes)
            if found is not None:
                return found
        trace: fx.GraphModule = make_fx(lambda packed: self._fn(*packed))(_copies(args))
        # One lane is traced without vmap, into other operations: nothing follows from it.
        if len(self._raw) < 2 and lanes > 1:
            self._raw[lanes] = _copy(trace)
        return trace


def _copies(args: Any) -> Any:
    """Copy tensors, so that tracing, which executes once, changes no weight or buffer."""
    return pytree.tree_map(lambda t: t.clone() if isinstance(t, Tensor) else t, args)


def _copy(trace: fx.GraphModule) -> fx.GraphModule:
    graph = fx.Graph()
    result, _ = graph.graph_copy(trace.graph, {}, return_output_node=True)  # type: ignore[misc]
    graph.output(result)
    graph.set_codegen(trace.graph._codegen)
    return fx.GraphModule(trace, graph)


class UnlikeError(Exception):
    """Raised where two traces differ in more than sizes."""


def extrapolate(known: Mapping[int, fx.GraphModule], lanes: int) -> fx.GraphModule | None:
    """Derive the trace for `lanes` lanes from those for two other numbers.

    None if these differ in more than sizes; then the caller traces anew.
    """
    (few, first), (many, second) = sorted(known.items())

    def size(mine: int, other: int) -> int:
        # In two traces a multiple of the lanes cannot pass for a constant, as in one it could.
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
        # Later passes read shapes and strides from a node's `val`: fake tensors, without memory.
        with FakeTensorMode():
            for node, other in pairs:
                _extrapolate_node(node, other, size)
    except (UnlikeError, ValueError, KeyError):
        return None
    return found


def _alike(node: fx.Node, other: fx.Node) -> bool:
    """Return whether both apply one operation to the same nodes, or are the same constant."""
    if (node.op, node.target) != (other.op, other.target):
        return False
    if [n.name for n in node.all_input_nodes] != [n.name for n in other.all_input_nodes]:
        return False
    return node.op != "get_attr" or torch.equal(_constant(node), _constant(other))


def _extrapolate_node(node: fx.Node, other: fx.Node, size: Size) -> None:
    node.args = _extrapolate_value(node.args, other.args, size)
    node.kwargs = _extrapolate_value(node.kwargs, other.kwargs, size)
    node.meta = {"val": _extrapolate_value(node.meta.get("val"), other.meta.get("val"), size)}


def _extrapolate_value(mine: Any, other: Any, size: Size) -> Any:
    """Return an operation's argument for another number of lanes."""
    if isinstance(mine, fx.Node):
        return mine
    if isinstance(mine, Tensor):
        shape, stride = (
            _extrapolate_value(each(mine), each(other), size) for each in (_shape, _stride)
        )
        return torch.empty_strided(shape, stride, dtype=mine.dtype, device=mine.device)
    if isinstance(mine, list | tuple):
        return type(mine)(_extrapolate_value(*pair, size) for pair in zip(mine, other, strict=True))
    if isinstance(mine, dict):
        return {name: _extrapolate_value(value, other[name], size) for name, value in mine.items()}
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
