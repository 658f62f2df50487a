"""Captures a function of tensors in a CUDA graph, and replays it with new inputs.

A turn is hundreds of small operations; a graph starts them all for the price of one.
"""

import warnings
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

Capture = Callable[[Callable[[], Any]], tuple[Callable[[], None], Any]]
"""Records a function, whose kernels must have run before, without executing it. Returns a callable
that replays it, and the tensors that hold its results afterwards."""


class Captured:
    """Replays `fn(*inputs)`, whose inputs are copied to where the graph reads them.

    Whatever else `fn` reads or changes must stay where it is in memory. Results are copies, because
    the next replay, of any graph in the pool, may write over them.
    """

    def __init__(self, fn: Callable[..., Any], inputs: Any, capture: Capture):
        self._static_inputs = pytree.tree_map(_copy, inputs)
        self._repeat, self._results = capture(lambda: fn(*self._static_inputs))

    def __call__(self, *inputs: Any) -> Any:
        # A graph holds addresses, not tensors: new inputs go where the captured ones were.
        for room, new in zip(_tensors(self._static_inputs), _tensors(inputs), strict=True):
            room.copy_(new, non_blocking=True)
        self._repeat()
        return pytree.tree_map(_copy, self._results)


def _copy(one: Any) -> Any:
    return one.clone() if isinstance(one, Tensor) else one


def _tensors(tree: Any) -> list[Tensor]:
    return [one for one in pytree.tree_leaves(tree) if isinstance(one, Tensor)]


def cuda_capture() -> Capture:
    """Build a capture of CUDA graphs that share memory: they are replayed one after the other."""
    pool = torch.cuda.graph_pool_handle()

    def capture(work: Callable[[], Any]) -> tuple[Callable[[], None], Any]:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            results = work()
        return graph.replay, results

    return capture


class Graphs:
    """Calls functions by name, each captured at its second call: the first loads its kernels."""

    def __init__(self, capture: Capture | None):
        self._capture = capture
        self._called: set[Hashable] = set()
        self._captured: dict[Hashable, Captured] = {}

    def __call__(self, name: Hashable, fn: Callable[..., Any], *inputs: Any) -> Any:
        """Return `fn(*inputs)`; eagerly without a capture, or after it failed, with one warning.

        `name` stands for the function and the shapes of its inputs.
        """
        if name in self._captured:
            return self._captured[name](*inputs)
        if self._capture is None or name not in self._called:
            self._called.add(name)
            return fn(*inputs)
        try:
            self._captured[name] = Captured(fn, inputs, self._capture)
        except RuntimeError as error:
            # A model may synchronise with the host, which no graph allows: it trains all the same.
            self._capture = None
            cause = str(error).partition("\n")[0]
            warnings.warn(f"no CUDA graph, which costs time: {cause}", stacklevel=2)
            return fn(*inputs)
        return self._captured[name](*inputs)
