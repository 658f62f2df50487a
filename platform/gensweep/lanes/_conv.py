"""Ways to compute a convolution whose groups are lanes, as vmap makes it, and its gradients.

Libraries are slow where each group has few channels. So the same sum is also offered lane by lane,
as a batched matrix product, and in the layout of tensor cores; `_autotune` measures them.

L lanes, B batch, I and O channels of one lane, K taps of the kernel, P positions of its output.
A `part` is "forward", or the gradient by "input" or by "weight". Tensors are as aten has them:
x [B, L I, ...], the output's gradient g [B, L O, ...], w [L O, I, ...] (transposed: [L I, O, ...]).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

aten = torch.ops.aten
PARTS = ("forward", "input", "weight")
COLUMNS = 4
"""Most memory of a product's columns, as a multiple of that of the input and the output."""
_MIRROR = {"forward": "input", "input": "forward", "weight": "weight"}
"""The part of a plain convolution that computes a part of the transposed one: they are adjoint."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """The arguments of `aten.convolution` that follow the bias."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    transposed: bool
    output_padding: tuple[int, ...]
    groups: int

    @classmethod
    def of(cls, *args: Any) -> "Geometry":
        """Build it from the arguments of an aten node."""
        stride, padding, dilation, transposed, output_padding, groups = args
        ends = tuple(stride), tuple(padding), tuple(dilation)
        return cls(*ends, transposed, tuple(output_padding), groups)

    def args(self, groups: int) -> tuple[Any, ...]:
        """Return the arguments for aten, with another number of groups."""
        return (list(self.stride), list(self.padding), list(self.dilation), self.transposed,
                list(self.output_padding), groups)  # fmt: skip

    def side(self, size: int, kernel: int, axis: int) -> int:
        """Return the output's size along a spatial axis, for inputs of `size` (torch.nn.Conv2d)."""
        stride, padded = self.stride[axis], 2 * self.padding[axis]
        reach = self.dilation[axis] * (kernel - 1) + 1
        if self.transposed:
            return (size - 1) * stride - padded + reach + self.output_padding[axis]
        return (size + padded - reach) // stride + 1


Part = Callable[[str, Tensor, Tensor, Tensor, Geometry], Tensor]
"""Computes `(part, x, w, g, geometry)`; "forward" has no use for g."""


def grouped(part: str, x: Tensor, w: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
    """Compute one grouped convolution, as vmap wrote it."""
    return _aten(part, x, w, g, geometry.args(geometry.groups))


def channels_last(part: str, x: Tensor, w: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
    """Compute one grouped convolution in the layout that tensor cores read."""
    x, w, g = (t.contiguous(memory_format=torch.channels_last) for t in (x, w, g))
    return _aten(part, x, w, g, geometry.args(geometry.groups)).contiguous()


def looped(part: str, x: Tensor, w: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
    """Compute lane by lane, with the kernels of a trial alone."""
    lanes, args = geometry.groups, geometry.args(1)
    split = zip(x.chunk(lanes, 1), w.chunk(lanes), g.chunk(lanes, 1), strict=True)
    done = [_aten(part, a.contiguous(), b, c.contiguous(), args) for a, b, c in split]
    return torch.cat(done, 0 if part == "weight" else 1)


def _aten(part: str, x: Tensor, w: Tensor, g: Tensor, args: tuple[Any, ...]) -> Tensor:
    if part == "forward":
        return aten.convolution(x, w, None, *args)  # type: ignore[no-any-return]
    mask = [part == "input", part == "weight", False]
    return aten.convolution_backward(g, x, w, None, *args, mask)[mask.index(True)]  # type: ignore[no-any-return]


def multiplied(part: str, x: Tensor, w: Tensor, g: Tensor, geometry: Geometry) -> Tensor:
    """Compute one batched matrix product with a matrix for each lane; two axes, no dilation."""
    # Exchanging input and output turns a transposed convolution into the gradient of a plain one.
    if geometry.transposed:
        if part == "forward":
            kernel = w.shape[2:]
            sides = [geometry.side(x.shape[2 + a], kernel[a], a) for a in (0, 1)]
            shape = (x.shape[0], geometry.groups * w.shape[1], *sides)
        else:
            shape = tuple(g.shape)
        return _multiplied(_MIRROR[part], g, w, x, replace(geometry, transposed=False), shape)
    return _multiplied(part, x, w, g, geometry, tuple(x.shape))


def _multiplied(part: str, x: Tensor, w: Tensor, g: Tensor, geometry: Geometry,
                shape: tuple[int, ...]) -> Tensor:  # fmt: skip
    """Compute a part of a plain convolution, whose inputs have `shape`, by im2col and a product."""
    lanes, weights = geometry.groups, _apart(w, 0, geometry.groups).flatten(2)
    if part == "input":
        columns = torch.bmm(weights.transpose(1, 2), _rows(g, lanes))  # [L, I K, B P]
        return _folded(columns, tuple(w.shape[1:]), tuple(g.shape[2:]), geometry, shape)
    columns = _unfolded(x, (int(w.shape[2]), int(w.shape[3])), geometry)
    if part == "weight":
        return torch.bmm(_rows(g, lanes), columns.transpose(1, 2)).reshape(w.shape)
    sides = [geometry.side(shape[2 + a], int(w.shape[2 + a]), a) for a in (0, 1)]
    out = torch.bmm(weights, columns).view(lanes, -1, shape[0], *sides)
    return out.permute(2, 0, 1, 3, 4).reshape(shape[0], -1, *sides).contiguous()


def _apart(tensor: Tensor, axis: int, lanes: int) -> Tensor:
    """Split the axis of all lanes' channels into lanes and channels."""
    size = tensor.shape[axis] // lanes
    return tensor.view(*tensor.shape[:axis], lanes, size, *tensor.shape[axis + 1 :])


def _rows(g: Tensor, lanes: int) -> Tensor:
    """Reorder [B, L O, ...] to [L, O, B P]: a matrix for each lane."""
    return _apart(g, 1, lanes).flatten(3).permute(1, 2, 0, 3).flatten(2)


def _unfolded(x: Tensor, kernel: tuple[int, int], geometry: Geometry) -> Tensor:
    """Gather the inputs that each tap of the kernel sees (im2col): [L, I K, B P]."""
    (down, right), (tall, wide) = geometry.stride, geometry.padding
    taps = pad(x, (wide, wide, tall, tall)).unfold(2, kernel[0], down).unfold(3, kernel[1], right)
    lanes = _apart(taps, 1, geometry.groups).permute(1, 2, 5, 6, 0, 3, 4)
    return lanes.flatten(4).flatten(1, 3)


def _folded(columns: Tensor, kernel: tuple[int, ...], sides: tuple[int, ...],
            geometry: Geometry, shape: tuple[int, ...]) -> Tensor:  # fmt: skip
    """Add taps up where they came from (col2im), the adjoint of `_unfolded`: [B, L I, ...]."""
    (down, right), (tall, wide) = geometry.stride, geometry.padding
    taps = columns.view(geometry.groups, *kernel, shape[0], *sides)
    room = columns.new_zeros(
        geometry.groups, kernel[0], shape[0], shape[2] + 2 * tall, shape[3] + 2 * wide
    )
    # A tap's targets never overlap, so each is one strided sum; only different taps collide.
    for i, j in product(range(kernel[1]), range(kernel[2])):
        ends = i + down * sides[0], j + right * sides[1]
        room[..., i : ends[0] : down, j : ends[1] : right] += taps[:, :, i, j]
    inner = room[..., tall : tall + shape[2], wide : wide + shape[3]]
    return inner.permute(2, 0, 1, 3, 4).reshape(shape).contiguous()


WAYS: dict[str, Part] = {
    "grouped": grouped, "looped": looped, "multiplied": multiplied, "channels_last": channels_last
}  # fmt: skip


def ways(x: Tensor, w: Tensor, g: Tensor, geometry: Geometry) -> list[str]:
    """List the names of the ways that can compute a convolution; `grouped` is the first."""
    found = ["grouped", "looped"]
    if x.ndim == 4 and set(geometry.dilation) == {1}:
        out = x if geometry.transposed else g
        columns = w[0].numel() * geometry.groups * x.shape[0] * out[0, 0].numel()
        if columns <= COLUMNS * (x.numel() + g.numel()):
            found.append("multiplied")
    return [*found, "channels_last"] if x.ndim == 4 and x.device.type == "cuda" else found


def forward(way: str, x: Tensor, w: Tensor, bias: Tensor | None, *args: Any) -> Tensor:
    """Compute `aten.convolution` in the way named; a traced node calls this."""
    out = WAYS[way]("forward", x, w, x, Geometry.of(*args))
    return out if bias is None else out + bias.view(-1, *[1] * (x.ndim - 2))


def backward(
    by_input: str, by_weight: str, g: Tensor, x: Tensor, w: Tensor, sizes: Any, *args: Any
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Compute `aten.convolution_backward` in the ways named; None for gradients not asked for."""
    *shape, mask = args
    geometry = Geometry.of(*shape)
    return (
        WAYS[by_input]("input", x, w, g, geometry) if mask[0] else None,
        WAYS[by_weight]("weight", x, w, g, geometry) if mask[1] else None,
        g.transpose(0, 1).flatten(1).sum(1) if mask[2] else None,
    )
