"""Pads element-wise functions so that a lane's last bits do not depend on its place in a pack.

A CPU's vector units take a function of `BLOCK` elements at a time, and the rest one by one by
another routine, which rounds otherwise for the functions of `UNEVEN` (torch 2.13, found by
comparing both on random numbers). Where a lane's elements fill no whole blocks, its numbers would
depend on how many lanes come before and after it: there each lane is filled up. So are the features
[B, L C] of a batch normalisation, and sums over such a batch are taken of each lane's own memory.

L lanes, B batch, C features.
"""

import math
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn.functional import pad

BLOCK = 32
EVEN_THREADS = 2
"""Most threads among which torch splits an operation into whole blocks if lanes are padded."""
GRAIN = 32768
"""Number of elements up to which torch gives an operation to one thread."""
FILLING = 0.5
"""The padding: a number for which each of the functions is defined."""

_aten = torch.ops.aten
UNEVEN = frozenset({
    _aten.sigmoid.default, _aten.softplus.default, _aten.softplus_backward.default,
    _aten.silu.default, _aten.silu_backward.default, _aten.elu.default,
    _aten.elu_backward.default, _aten.mish.default, _aten.logaddexp.default, _aten.exp2.default,
    _aten.pow.Scalar, _aten.pow.Tensor_Scalar, _aten.pow.Tensor_Tensor,
})  # fmt: skip
_SUMS = frozenset({_aten.sum.dim_IntList, _aten.mean.dim})
_BATCH_NORM = _aten.native_batch_norm_backward.default


def even_out(trace: fx.GraphModule, lanes: int) -> None:
    """Replace, in place, those functions in a trace of several lanes by `in_blocks`."""
    threads = torch.get_num_threads()
    # Two threads split a tensor in halves, each of which must hold whole blocks of every lane.
    block = BLOCK * threads if threads <= EVEN_THREADS else 0
    for node in trace.graph.nodes:
        if lanes > 1 and node.target in UNEVEN and _is_uneven(node.meta.get("val"), lanes, block):
            node.args = (node.target, block or BLOCK, *node.args)
            node.target = in_blocks
        elif lanes > 1 and node.target is _BATCH_NORM and _is_flat(node.args[1].meta.get("val")):
            node.args = (lanes, block or BLOCK, *node.args)
            node.target = batch_norm_backward
        elif lanes > 1 and node.target in _SUMS and _is_mixed(node, block or BLOCK):
            node.args = (node.target, *node.args)
            node.target = sum_apart


def _is_flat(value: Any) -> bool:
    return isinstance(value, Tensor) and value.device.type == "cpu" and value.ndim == 2


def _is_mixed(node: fx.Node, block: int) -> bool:
    """Return whether a sum over axes of [L, ...] adds rows in which lanes follow each other."""
    source, axes, *_ = node.args
    value: Any = source.meta.get("val") if isinstance(source, fx.Node) else None
    if not isinstance(value, Tensor) or value.device.type != "cpu" or not isinstance(axes, list):
        return False
    width = value.stride()[0]
    inner = {n for n in range(1, value.ndim) if value.shape[n] > 1 and value.stride(n) < width}
    rows = math.prod(value.shape[n] for n in inner) == width and width % block > 0
    return bool(inner) and rows and not inner & {axis % value.ndim for axis in axes}


def _is_uneven(value: Any, lanes: int, block: int) -> bool:
    """Return whether a lane's elements on a CPU do not fill whole blocks; 0: no block is safe."""
    if not isinstance(value, Tensor) or value.device.type != "cpu":
        return False
    if value.shape[:1] != (lanes,):
        return False
    return block == 0 or value.numel() // lanes % block > 0


def in_blocks(function: Any, block: int, *args: Any) -> Tensor:
    """Compute `function` of tensors that broadcast to [L, ...] in whole blocks for each lane."""
    given = [a for a in args if isinstance(a, Tensor)]
    tensors = torch.broadcast_tensors(*given)  # type: ignore[no-untyped-call]
    shape = tensors[0].shape
    rows = iter([_filled(t.reshape(shape[0], -1), block) for t in tensors])
    whole = [next(rows) if isinstance(a, Tensor) else a for a in args]
    found = _in_pieces(function, whole, shape[0])
    count = shape.numel() // shape[0]
    return found[:, :count].reshape(shape)


def sum_apart(function: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Compute a sum or mean of [L, ...] from memory that has one lane after the other."""
    found: Tensor = function(x.contiguous(), *args, **kwargs)
    return found


def batch_norm_backward(lanes: int, block: int, *args: Any) -> tuple[Tensor | None, ...]:
    """Compute the gradients of a batch normalisation of features [B, L C] in whole blocks."""
    size = args[1].shape[1] // lanes

    def filled(each: Any) -> Any:
        if not isinstance(each, Tensor):
            return each
        return _filled(each.reshape(-1, size), block).reshape(*each.shape[:-1], -1)

    def cut(each: Tensor | None) -> Tensor | None:
        if each is None or not each.numel():
            return each
        rows = each.reshape(-1, size + -size % block)
        return rows[:, :size].reshape(*each.shape[:-1], -1)

    return tuple(map(cut, _BATCH_NORM(*map(filled, args))))


def _in_pieces(function: Any, args: list[Any], lanes: int) -> Tensor:
    """Compute `function` of some rows at a time, so few that one thread takes them, or of one."""
    # Three or more threads cut where no block ends, so no call may be large enough to be cut.
    first = next(a for a in args if isinstance(a, Tensor))
    most = max(1, GRAIN // first.shape[1])
    if most >= lanes or torch.get_num_threads() <= EVEN_THREADS:
        whole: Tensor = function(*args)
        return whole
    parts = [[a[at : at + most] if isinstance(a, Tensor) else a for a in args]
             for at in range(0, lanes, most)]  # fmt: skip
    return torch.cat([function(*part) for part in parts])


def _filled(rows: Tensor, block: int) -> Tensor:
    """Pad each lane's row to a multiple of `block`."""
    return pad(rows, (0, -rows.shape[1] % block), value=FILLING)
