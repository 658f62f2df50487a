"""Which way each convolution of a traced turn is computed: the fastest, measured once a machine.

A trial's numbers must not depend on when and in which pack it trains, and two ways may differ in
the last bits. So a choice is kept in a file and never made twice, and it is made for a number of
lanes of its own, not for the pack's: however many lanes act, they compute alike.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from gensweep.lanes._autotune_cache import Choices, kept, machine
from gensweep.lanes._conv import PARTS, WAYS, Geometry, aten, backward, forward, ways

LANES = 8
"""What choices are made for."""
FEWER = (2, 3, 5)
"""Lanes among which the first two must come out as among `LANES`, to the last bit."""
MARGIN = 1.1
"""How much faster than vmap's own another way must be: two machines alike then choose alike."""
LONG_S = 0.02
"""Time spent on another look at a way that seems fast."""


@dataclass(frozen=True, slots=True)
class ConvolutionCase:
    """One part of one convolution: x [B, L I, ...], w, the gradient g [B, L O, ...]."""

    part: str
    x: Tensor
    w: Tensor
    g: Tensor
    geometry: Geometry

    def do(self, way: str) -> Tensor:
        return WAYS[way](self.part, self.x, self.w, self.g, self.geometry)

    def __str__(self) -> str:
        lanes, batch = self.geometry.groups, self.x.shape[0]
        ends = [(t.shape[1] // lanes, *t.shape[2:]) for t in (self.x, self.g)]
        kernel, args = tuple(self.w.shape[2:]), self.geometry.args(0)
        return f"{self.part} {batch} {ends[0]} to {ends[1]} {kernel} {args} {self.x.dtype} x{LANES}"

    def example(self) -> "ConvolutionCase":
        """Random tensors of these shapes, but for `LANES` lanes."""
        source, lanes = torch.Generator().manual_seed(0), self.geometry.groups

        def one(like: Tensor, axis: int) -> Tensor:
            shape = list(like.shape)
            shape[axis] = shape[axis] // lanes * LANES
            return torch.randn(shape, generator=source).to(like.device, like.dtype)

        tensors = one(self.x, 1), one(self.w, 0), one(self.g, 1)
        return ConvolutionCase(self.part, *tensors, replace(self.geometry, groups=LANES))

    def first(self, lanes: int) -> "ConvolutionCase":
        """The work of the first `lanes` lanes alone."""
        every = self.geometry.groups

        def cut(tensor: Tensor, axis: int) -> Tensor:
            return tensor.narrow(axis, 0, tensor.shape[axis] // every * lanes).contiguous()

        tensors = cut(self.x, 1), cut(self.w, 0), cut(self.g, 1)
        return ConvolutionCase(self.part, *tensors, replace(self.geometry, groups=lanes))


def choose(traced: GraphModule) -> None:
    """Replace, in place, each convolution with a group for a lane by its fastest way."""
    works = {node: found for node in traced.graph.nodes if (found := _works(node))}
    if not works:
        return
    every = {str(one): one for found in works.values() for one in found}

    def complete(known: Choices) -> None:
        for words, one in every.items():
            if known.get(words) not in WAYS:
                known[words] = fastest(one.example())

    with torch.no_grad():
        device = next(iter(every.values())).x.device
        known = kept(machine(device), complete)
    unchosen = "looped" if device.type == "cpu" else "grouped"  # which is steady on every machine
    for node, found in works.items():
        _replace(node, {one.part: known.get(str(one), unchosen) for one in found})
    traced.graph.lint()
    traced.recompile()


def _works(node: Node) -> list[ConvolutionCase]:
    """What a node computes, if it is a convolution with several groups and plain results."""
    args: list[Any] = [one.meta["val"] if isinstance(one, Node) else one for one in node.args]
    value: Any = node.meta.get("val")
    tensors: tuple[Any, Any, Any]
    if node.target is aten.convolution.default:
        tensors, geometry, value = (args[0], args[1], value), args[3:9], [value]
        wanted = [True, False, False]
    elif node.target is aten.convolution_backward.default:
        tensors, geometry = (args[1], args[2], args[0]), args[4:10]
        wanted = [False, *args[10][:2]]
    else:
        return []
    plain = all(one is None or one.is_contiguous() for one in value)
    if geometry[-1] == 1 or not plain:
        return []
    parts = [part for part, asked in zip(PARTS, wanted, strict=True) if asked]
    return [ConvolutionCase(part, *tensors, Geometry.of(*geometry)) for part in parts]


def _replace(node: Node, chosen: Choices) -> None:
    if set(chosen.values()) == {"grouped"}:
        return
    is_forward = "forward" in chosen
    parts = PARTS[:1] if is_forward else PARTS[1:]
    node.args = (*(chosen.get(part, "grouped") for part in parts), *node.args)
    node.target = forward if is_forward else backward


def fastest(work: ConvolutionCase) -> str:
    """The way that takes the least time; vmap's own if none is `MARGIN` faster.

    On a CPU, ways are left out whose results depend on the number of lanes. On a GPU none might
    be left: libraries there pick their kernels by the size of the whole.
    """
    spent = {}
    for way in ways(work.x, work.w, work.g, work.geometry):
        work.do(way)
        spent[way] = _seconds(work, way)
    least = min(spent.values())
    for way in [way for way, seconds in spent.items() if seconds < 2 * least]:
        for _ in range(max(2, min(20, int(LONG_S / least)))):
            spent[way] = min(spent[way], _seconds(work, way))
    spent["grouped"] /= MARGIN
    ranked = sorted(spent, key=spent.__getitem__)
    return next(way for way in ranked if work.x.device.type == "cuda" or is_steady(work, way))


def is_steady(work: ConvolutionCase, way: str) -> bool:
    """Whether lanes come out the same, to the last bit, among few and among many.

    The way "looped" is by its nature: each lane is computed alone.
    """
    axis = 0 if work.part == "weight" else 1

    def two(lanes: int) -> Tensor:
        done = work.first(lanes).do(way)
        return done.narrow(axis, 0, done.shape[axis] // lanes * 2)

    many = two(work.geometry.groups)
    return way == "looped" or all(torch.equal(two(lanes), many) for lanes in FEWER)


def _seconds(work: ConvolutionCase, way: str) -> float:
    """Of a single thread its own time, which others on the machine do not lengthen."""
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter

    def now() -> float:
        if work.x.device.type == "cuda":
            torch.cuda.synchronize(work.x.device)
            return time.perf_counter()
        return clock()

    begin = now()
    work.do(way)
    return now() - begin
