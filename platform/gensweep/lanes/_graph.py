"""A function of tensors captured once in a CUDA graph and replayed with new inputs.

A turn is hundreds of small operations; a graph starts them all for the price of one.
"""

import warnings
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

Capture = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]
"""Takes work, which it does not execute, whose kernels have run before. Gives what executes it,
and the tensors that then hold its results."""


class Captured:
    """`fn(*inputs)` with inputs in rooms of their own, where each call puts new ones.

    What `fn` reads or changes besides must stay where it is in memory. Results are copies.
    """

    def __init__(self, fn: Callable[..., Any], inputs: Any, capture: Capture):
        self._rooms = pytree.tree_map(_copy, inputs)
        self._repeat, self._results = capture(lambda: fn(*self._rooms))

    def __call__(self, *inputs: Any) -> Any:
        for room, new in zip(_tensors(self._rooms), _tensors(inputs), strict=True):
            room.copy_(new, non_blocking=True)
        self._repeat()
        return pytree.tree_map(_copy, self._results)


def _copy(one: Any) -> Any:
    return one.clone() if isinstance(one, Tensor) else one


def _tensors(tree: Any) -> list[Tensor]:
    return [one for one in pytree.tree_leaves(tree) if isinstance(one, Tensor)]


def cuda_capture() -> Capture:
    """A capture of CUDA graphs that share memory: they are replayed one after the other."""
    pool = torch.cuda.graph_pool_handle()

    def capture(work: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            results = work()
        return graph.replay, results

    return capture


class Graphs:
    """Functions by name, each captured at its second call: the first loads its kernels."""

    def __init__(self, capture: Capture | None):
        self._capture = capture
        self._called: set[Hashable] = set()
        self._captured: dict[Hashable, Captured] = {}

    def __call__(self, name: Hashable, fn: Callable[..., Any], *inputs: Any) -> Any:
        """`fn(*inputs)`; eagerly where there is no capture, or it failed, which is told once."""
        if name in self._captured:
            return self._captured[name](*inputs)
        if self._capture is None or name not in self._called:
            self._called.add(name)
            return fn(*inputs)
        try:
            self._captured[name] = Captured(fn, inputs, self._capture)
        except RuntimeError as error:
            self._capture = None
            cause = str(error).partition("\n")[0]
            warnings.warn(f"no CUDA graph, which costs time: {cause}", stacklevel=2)
            return fn(*inputs)
        return self._captured[name](*inputs)
