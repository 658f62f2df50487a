"""Removes operations that do nothing from a trace, and turns thin products around.

Half of the operations of a small network's step are views of what already has that shape, each a
microsecond; and a CPU's batched product with a few columns takes as long as one with twenty.

L lanes, M rows, N columns.
"""

from typing import Any

import torch
from torch import Tensor, fx

THIN, TALL = 8, 16
"""At most so many columns, and at least so many rows."""

_aten = torch.ops.aten
_PARTS = frozenset({_aten.slice.Tensor, _aten.select.int})
_VIEWS = frozenset({
    _aten.view.default, _aten._unsafe_view.default, _aten.reshape.default, _aten.expand.default,
    _aten.detach.default, _aten.alias.default,
})  # fmt: skip


def simplify(trace: fx.GraphModule) -> fx.GraphModule:
    """Simplify a trace in place and return it; no bit depends on how many lanes there are."""
    for node in list(trace.graph.nodes):
        if node.target in _VIEWS and _same(node, node.args[0]):
            node.replace_all_uses_with(node.args[0])
            trace.graph.erase_node(node)
        elif node.target is _aten.bmm.default and _is_thin(node):
            node.target = thin_bmm
    # Views of what a loss does not use, such as average weights; users come after what they use.
    for node in reversed(trace.graph.nodes):
        if not node.users and node.target in _VIEWS | _PARTS:
            trace.graph.erase_node(node)
    trace.recompile()
    return trace


def thin_bmm(x: Tensor, w: Tensor) -> Tensor:
    """Multiply x [L, M, K] and w [L, K, N] by the rows of the transpose: contiguous [L, M, N]."""
    return torch.bmm(w.mT.contiguous(), x.mT).mT.contiguous()


def _same(node: fx.Node, source: Any) -> bool:
    # Strides count too: a later operation may pick its kernel, and its last bits, by the layout.
    before, after = source.meta.get("val"), node.meta.get("val")
    return (
        isinstance(before, Tensor)
        and isinstance(after, Tensor)
        and (before.shape, before.stride()) == (after.shape, after.stride())
    )


def _is_thin(node: fx.Node) -> bool:
    value = node.meta.get("val")
    if not isinstance(value, Tensor) or value.device.type != "cpu":
        return False
    return value.shape[2] <= THIN and value.shape[1] >= TALL
