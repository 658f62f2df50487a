"""Takes a player's turn in every lane at once: the loss's gradient, then the optimiser's step.

The loss is written for one trial; `vmap` makes it L. Gradient and step are traced into flat
lists of tensor operations (see `_traces`) and replayed, which costs what code written by hand
costs. A pack of one lane bypasses `vmap`. On a CPU a fused kernel takes the optimiser's step
where there is one; on a GPU the whole turn becomes a CUDA graph.

L lanes, of which K are computed; P parameters.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from gensweep.game import Game
from gensweep.lanes._functional import Stacked, eval_mode, nets_of, over_lanes
from gensweep.lanes._graph import Capture, Graphs
from gensweep.lanes._optimizer_step import update
from gensweep.lanes._optimizer_step_cpu import has_kernel, update_on_cpu
from gensweep.lanes._purity import Purity
from gensweep.lanes._schedule import trained_players
from gensweep.lanes._stack import Stack
from gensweep.lanes._traces import Traces
from gensweep.precision import Precision

Mean = Callable[[Tensor], None]
LaneIndex = Tensor | slice
"""Some of the lanes: a slice of the first ones, which gives views, or any, which gives copies."""
ALL = slice(None)


class Turn:
    """Takes one player's turns. After their first call, `gradient` and `step` replay traces.

    `capture` makes one CUDA graph of both; not where the gradient is a mean over ranks.
    """

    def __init__(
        self,
        game: Game,
        stacks: Mapping[str, Stack],
        player: str,
        *,
        trace: bool,
        precision: Precision = "fp32",
        capture: Capture | None = None,
    ):
        self.game, self.stacks, self.player, self.trace = game, stacks, player, trace
        self.precision: Precision = precision
        self.purity, self.graphs = Purity(game), Graphs(capture)
        self.fused = has_kernel(stacks[player])
        self._traces: dict[str, Traces] = {}

    def act(
        self,
        batch: Any,
        noise: Any,
        hyper: Any,
        mask: Tensor | None,
        mean_: Mean | None,
        index: LaneIndex = ALL,
    ) -> Any:
        """Take the turn in the lanes of `mask` (None: all); return the loss [L] and metrics [L].

        `mean_` makes the gradient [L, P] the mean over ranks, in place; None: there is one rank.
        `index`: the only lanes to compute, K of them; inputs and mask have just these.
        """
        if mean_ is not None:
            return self._act(index, batch, noise, hyper, mask, mean_)
        # A graph is bound to shapes and to whether there is a mask, so each of these is one name.
        name = index.stop if isinstance(index, slice) else f"any {len(index)}", mask is None
        return self.graphs(name, self._act, index, batch, noise, hyper, mask)

    def _act(
        self, index: LaneIndex, batch: Any, noise: Any, hyper: Any, mask: Tensor | None,
        mean_: Mean | None = None,
    ) -> Any:  # fmt: skip
        buffers = _select(self._buffers(), index)
        # Lanes that rest are computed with the others and then restored: a forward pass in training
        # mode changes buffers (running statistics), and the optimiser masks the rest.
        flat_buffers = pytree.tree_leaves(buffers)
        before = None if mask is None else [b.clone() for b in flat_buffers]
        grad, *told = self.gradient(batch, noise, hyper, index, buffers)
        # Between gradient and step, as DistributedDataParallel does: all ranks take one step.
        if mean_ is not None:
            mean_(grad)
        self.step(grad, hyper, mask, index)
        if before is not None and mask is not None:
            for new, old in zip(flat_buffers, before, strict=True):
                new.copy_(torch.where(mask.view(-1, *[1] * (new.ndim - 1)), new, old))
        _write_back(self._buffers(), index, buffers)
        lanes = self.stacks[self.player].lanes
        return tuple(told) if len(grad) == lanes else _scatter(tuple(told), index, lanes)

    def gradient(
        self, batch: Any, noise: Any, hyper: Any, index: LaneIndex = ALL,
        buffers: Stacked | None = None,
    ) -> tuple[Tensor, Tensor, Any]:  # fmt: skip
        """Return the gradient [K, P], the loss [K] and metrics [K]; `buffers` change in place."""
        flats = [stack.flat[index] for stack in self.stacks.values()]
        held = self._buffers() if buffers is None else buffers
        room = torch.empty_like(self.stacks[self.player].flat[: len(flats[0])])
        args = (flats, held, batch, noise, hyper, room)
        return self._replay("gradient", self._gradient, *args)  # type: ignore[no-any-return]

    def step(self, grad: Tensor, hyper: Any, mask: Tensor | None, index: LaneIndex = ALL) -> None:
        """Update the player's weights, moments and average in the lanes of `mask` (None: all)."""
        stack = self.stacks[self.player]
        if self.fused:
            # Fused kernels take one lane at a time, so lanes that rest are simply left out.
            rows = range(len(grad)) if mask is None else mask.nonzero()[:, 0].tolist()
            slots = range(stack.lanes)[index] if isinstance(index, slice) else index.tolist()
            update_on_cpu(stack, grad, hyper, [(row, slots[row]) for row in rows])
            return
        whole = (stack.flat, stack.ema, stack.optimizer)
        parts = _select(whole, index)
        name = "step" if mask is None else "masked"
        column = None if mask is None else mask[:, None]
        self._replay(name, partial(update, stack.player), *parts, grad, hyper, column)
        _write_back(whole, index, parts)

    def _buffers(self) -> Stacked:
        return {name: stack.buffers for name, stack in self.stacks.items()}

    def _replay(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        if not self.trace:
            return fn(*args)
        traces = self._traces.setdefault(name, Traces(fn))
        return traces(*args)

    def _gradient(
        self, flats: Any, buffers: Stacked, batch: Any, noise: Any, hyper: Any, room: Tensor
    ) -> Any:
        """Differentiate the loss of the player with respect to its own weights alone."""
        named = zip(self.stacks.items(), flats, strict=True)
        params = {name: dict(stack.views(flat)) for (name, stack), flat in named}
        mine = {n: p.detach().requires_grad_() for n, p in params[self.player].items()}
        params[self.player] = mine

        def loss(params: Stacked, buffers: Stacked, batch: Any, noise: Any, hyper: Any) -> Any:
            nets = nets_of(self.stacks, params, buffers, self.precision)
            with self.purity.watch("loss", self.player):
                return self.game.loss(self.player, nets, batch, noise, hyper)

        with torch.enable_grad(), eval_mode(self.stacks, trained_players(self.game, self.player)):
            lanes = flats[0].shape[0]
            value, metrics = over_lanes(loss, lanes)(params, buffers, batch, noise, hyper)
            # Lanes share no weights: the gradient of the sum is each lane's own.
            grads = torch.autograd.grad(
                value.sum(), list(mine.values()), allow_unused=True, materialize_grads=True
            )
        stack = self.stacks[self.player]
        for view, grad in zip(stack.views(room).values(), grads, strict=True):
            view.copy_(grad)
        return room, value.detach(), {n: m.detach() for n, m in metrics.items()}


def _select(tree: Any, index: LaneIndex) -> Any:
    """Select the lanes `index`: views of them if they are the first ones, or else copies."""
    return pytree.tree_map(lambda t: t[index] if isinstance(t, Tensor) else t, tree)


def _write_back(tree: Any, index: LaneIndex, rows: Any) -> None:
    """Write back what `_select` copied; views need no write."""
    if isinstance(index, Tensor):
        for room, new in zip(pytree.tree_leaves(tree), pytree.tree_leaves(rows), strict=True):
            if isinstance(room, Tensor):
                room[index] = new


def _scatter(tree: Any, index: LaneIndex, lanes: int) -> Any:
    """Put values [K] in their places among all lanes [L]; the others are zero."""

    def spread(values: Tensor) -> Tensor:
        room = values.new_zeros(lanes)
        room[index] = values
        return room

    return pytree.tree_map(spread, tree)
