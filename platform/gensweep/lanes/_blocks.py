"""Pads element-wise functions so that a lane's last bits do not depend on its place in a pack.

A CPU's vector units take a function of `BLOCK` elements at a time, and the rest one by one by
another routine, which rounds otherwise for the functions of `UNEVEN` (torch 2.13, found by
comparing both on random numbers). Where a lane's elements fill no whole blocks, its numbers would
depend on how many lanes come before and after it: there each lane is filled up.

L lanes.
"""

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


def even_out(trace: fx.GraphModule, lanes: int) -> None:
    """Replace, in place, those functions in a trace of several lanes by `in_blocks`."""
    threads = torch.get_num_threads()
    # Two threads split a tensor in halves, each of which must hold whole blocks of every lane.
    block = BLOCK * threads if threads <= EVEN_THREADS else 0
    for node in trace.graph.nodes:
        if lanes > 1 and node.target in UNEVEN and _is_uneven(node.meta.get("val"), lanes, block):
            node.args = (node.target, block or BLOCK, *node.args)
            node.target = in_blocks


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
