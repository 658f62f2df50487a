"""Chooses how each convolution of a traced turn is computed: the fastest way, measured once.

A trial's numbers must not depend on when and in which pack it trains, and two ways may differ in
the last bits. So a machine makes each choice once and keeps it in a file, and makes it for `LANES`
lanes, not for the pack's number: however many lanes act, they compute alike.
"""

import time
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node

from gensweep.lanes._autotune_cache import Choices, load_or_measure, machine_key
from gensweep.lanes._conv import PARTS, WAYS, Geometry, aten, backward, forward, ways

LANES = 8
"""Number of lanes that every choice is measured with."""
FEWER = (2, 3, 5)
"""Numbers of lanes among which the first two must come out as among `LANES`, to the last bit."""
MARGIN = 1.1
"""How many times as fast as vmap's own way another must be, so that like machines choose alike."""
LONG_S = 0.02
"""Seconds spent on timing again a way that seems fast."""


@dataclass(frozen=True, slots=True)
class ConvolutionCase:
    """One part of one convolution, to be timed: x [B, L I, ...], w, the gradient g [B, L O, ...].

    As a string it is the key in the file of choices: shapes for one lane, without their number.
    """

    part: str
    x: Tensor
    w: Tensor
    g: Tensor
    geometry: Geometry

    def compute(self, way: str) -> Tensor:
        """Compute this part by the way of that name."""
        return WAYS[way](self.part, self.x, self.w, self.g, self.geometry)

    def __str__(self) -> str:
        lanes, batch = self.geometry.groups, self.x.shape[0]
        ends = [(t.shape[1] // lanes, *t.shape[2:]) for t in (self.x, self.g)]
        kernel, args = tuple(self.w.shape[2:]), self.geometry.args(0)
        return f"{self.part} {batch} {ends[0]} to {ends[1]} {kernel} {args} {self.x.dtype} x{LANES}"

    def random_example(self) -> "ConvolutionCase":
        """Return the same case on random tensors of `LANES` lanes.

        In a trace tensors are shapes without values, and their lanes are the pack's.
        """
        source, lanes = torch.Generator().manual_seed(0), self.geometry.groups

        def one(like: Tensor, axis: int) -> Tensor:
            shape = list(like.shape)
            shape[axis] = shape[axis] // lanes * LANES
            return torch.randn(shape, generator=source).to(like.device, like.dtype)

        tensors = one(self.x, 1), one(self.w, 0), one(self.g, 1)
        return ConvolutionCase(self.part, *tensors, replace(self.geometry, groups=LANES))

    def first_lanes(self, lanes: int) -> "ConvolutionCase":
        """Return the case of the first `lanes` lanes alone."""
        every = self.geometry.groups

        def cut(tensor: Tensor, axis: int) -> Tensor:
            return tensor.narrow(axis, 0, tensor.shape[axis] // every * lanes).contiguous()

        tensors = cut(self.x, 1), cut(self.w, 0), cut(self.g, 1)
        return ConvolutionCase(self.part, *tensors, replace(self.geometry, groups=lanes))


def autotune_convolutions(traced: GraphModule) -> None:
    """Replace, in place, each convolution whose groups are lanes by its fastest way."""
    cases = {node: found for node in traced.graph.nodes if (found := _cases_of(node))}
    if not cases:
        return
    every = {str(one): one for found in cases.values() for one in found}

    def complete(known: Choices) -> None:
        for words, one in every.items():
            if known.get(words) not in WAYS:
                known[words] = fastest_way(one.random_example())

    # `every` has one entry for layers alike: each is measured once, however often it occurs.
    with torch.no_grad():
        device = next(iter(every.values())).x.device
        known = load_or_measure(machine_key(device), complete)
    # Without a file nothing may depend on a measurement: "looped" gives a lane the same bits in any
    # pack, and on a GPU no way is sure to, so that vmap's own stays.
    unchosen = "looped" if device.type == "cpu" else "grouped"
    for node, found in cases.items():
        _replace(node, {one.part: known.get(str(one), unchosen) for one in found})
    traced.graph.lint()
    traced.recompile()


def _cases_of(node: Node) -> list[ConvolutionCase]:
    """List the parts that a node computes; none unless it is a convolution of several groups."""
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
    # Nodes behind were traced for the strides of this result; other ways return contiguous ones.
    plain = all(one is None or one.is_contiguous() for one in value)
    if geometry[-1] == 1 or not plain:
        return []
    parts = [part for part, asked in zip(PARTS, wanted, strict=True) if asked]
    return [ConvolutionCase(part, *tensors, Geometry.of(*geometry)) for part in parts]


def _replace(node: Node, chosen: Choices) -> None:
    """Make the node call `_conv.forward` or `_conv.backward` with the names of the chosen ways."""
    if set(chosen.values()) == {"grouped"}:
        return
    is_forward = "forward" in chosen
    parts = PARTS[:1] if is_forward else PARTS[1:]
    node.args = (*(chosen.get(part, "grouped") for part in parts), *node.args)
    node.target = forward if is_forward else backward


def fastest_way(case: ConvolutionCase) -> str:
    """Time every way and return the fastest; vmap's own unless another is `MARGIN` times as fast.

    On a CPU, ways are left out whose results depend on the number of lanes. On a GPU none might
    be left: libraries there pick their kernels by the size of the whole.
    """
    spent = {}
    for way in ways(case.x, case.w, case.g, case.geometry):
        case.compute(way)  # the first call loads kernels and plans
        spent[way] = _seconds(case, way)
    # Only ways near the best are timed again, and each keeps its least time: noise only adds.
    least = min(spent.values())
    for way in [way for way, seconds in spent.items() if seconds < 2 * least]:
        for _ in range(max(2, min(20, int(LONG_S / least)))):
            spent[way] = min(spent[way], _seconds(case, way))
    spent["grouped"] /= MARGIN
    ranked = sorted(spent, key=spent.__getitem__)
    return next(way for way in ranked if case.x.device.type == "cuda" or is_steady(case, way))


def is_steady(case: ConvolutionCase, way: str) -> bool:
    """Return whether lanes come out the same, to the last bit, among few and among many.

    The way "looped" is by its nature: each lane is computed alone.
    """
    axis = 0 if case.part == "weight" else 1

    def two(lanes: int) -> Tensor:
        done = case.first_lanes(lanes).compute(way)
        return done.narrow(axis, 0, done.shape[axis] // lanes * 2)

    many = two(case.geometry.groups)
    return way == "looped" or all(torch.equal(two(lanes), many) for lanes in FEWER)


def _seconds(case: ConvolutionCase, way: str) -> float:
    """Time one computation; on a single thread in its own time, which others do not lengthen."""
    clock = time.thread_time if torch.get_num_threads() == 1 else time.perf_counter

    def now() -> float:
        if case.x.device.type == "cuda":
            torch.cuda.synchronize(case.x.device)
            return time.perf_counter()
        return clock()

    begin = now()
    case.compute(way)
    return now() - begin
