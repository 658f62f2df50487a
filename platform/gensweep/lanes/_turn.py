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

from gensweep.errors import UserError
from gensweep.game import Game
from gensweep.lanes._functional import Stacked, eval_mode, nets_of, over_lanes
from gensweep.lanes._graph import Capture, Graphs
from gensweep.lanes._loss_result import KINDS, Inputs, checked_loss
from gensweep.lanes._optimizer_step import average_buffers, update
from gensweep.lanes._optimizer_step_cpu import has_kernel, update_on_cpu
from gensweep.lanes._purity import Purity
from gensweep.lanes._schedule import learning_players
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
        self.stack = stacks[player]
        self.fused = has_kernel(self.stack)
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
        grad, *told = self.gradient(batch, noise, hyper, index, mask=mask)
        # Between gradient and step, as DistributedDataParallel does: all ranks take one step.
        if mean_ is not None:
            self.average_over_ranks(grad, mean_)
        self.step(grad, hyper, mask, index)
        return scatter(tuple(told), index, self.stack.lanes)

    def average_over_ranks(self, grad: Tensor, mean_: Mean) -> None:
        """Make the gradient, and the player's statistics of its own batch, those of all ranks."""
        mean_(grad)
        for buffer in self.stack.buffers.values():
            if buffer.is_floating_point():
                mean_(buffer)

    def gradient(
        self, batch: Any, noise: Any, hyper: Any, index: LaneIndex = ALL,
        *, mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Any]:  # fmt: skip
        """Return the gradient [K, P], the loss [K] and metrics [K].

        The player's own buffers change, in the lanes of `mask`; those of the others are read, and
        what a forward pass in training mode writes into them is forgotten.
        """
        flats = [stack.flat[index] for stack in self.stacks.values()]
        averages = [None if s.ema is None else s.ema[index] for s in self.stacks.values()]
        buffers = {name: self._buffers(name, index, mask) for name in self.stacks}
        room = torch.empty_like(self.stack.flat[: len(flats[0])])
        args = (flats, averages, buffers, batch, noise, hyper, room)
        found = self._replay("gradient", self._gradient, *args)
        self._keep_buffers(buffers[self.player], index, mask)
        return found  # type: ignore[no-any-return]

    def _buffers(self, name: str, index: LaneIndex, mask: Tensor | None) -> dict[str, Tensor]:
        chosen: dict[str, Tensor] = _select(self.stacks[name].buffers, index)
        # A view of the first lanes is the state itself: only an owner without a mask writes there.
        if isinstance(index, slice) and (name != self.player or mask is not None):
            return {key: buffer.clone() for key, buffer in chosen.items()}
        return chosen

    def _keep_buffers(
        self, changed: Mapping[str, Tensor], index: LaneIndex, mask: Tensor | None
    ) -> None:
        """Write the player's changed buffers back, where lanes act; views are written already."""
        for name, room in self.stack.buffers.items():
            new = changed[name]
            if mask is not None:
                column = mask.view(-1, *[1] * (new.ndim - 1))
                new = torch.where(column, new, room[index])
            if mask is not None or isinstance(index, Tensor):
                room[index] = new

    def step(self, grad: Tensor, hyper: Any, mask: Tensor | None, index: LaneIndex = ALL) -> None:
        """Update the player's weights, moments and averages in the lanes of `mask` (None: all)."""
        stack = self.stack
        if self.fused:
            # Fused kernels take one lane at a time, so lanes that rest are simply left out.
            rows = range(len(grad)) if mask is None else mask.nonzero()[:, 0].tolist()
            slots = range(stack.lanes)[index] if isinstance(index, slice) else index.tolist()
            update_on_cpu(stack, grad, hyper, [(row, slots[row]) for row in rows])
        else:
            whole = (stack.flat, stack.ema, stack.optimizer)
            parts = _select(whole, index)
            name = "step" if mask is None else "masked"
            column = None if mask is None else mask[:, None]
            self._replay(name, partial(update, stack), *parts, grad, hyper, column)
            _write_back(whole, index, parts)
        if stack.ema_buffers:
            average_buffers(stack, hyper, mask, index)

    def _replay(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        if not self.trace:
            return fn(*args)
        traces = self._traces.setdefault(name, Traces(fn))
        return traces(*args)

    def _gradient(
        self, flats: Any, averages: Any, buffers: Stacked, batch: Any, noise: Any, hyper: Any,
        room: Tensor,
    ) -> Any:  # fmt: skip
        """Differentiate the loss of the player with respect to its own weights alone."""
        params = self._views(flats)
        mine = {n: p.detach().requires_grad_() for n, p in params[self.player].items()}
        params[self.player] = mine

        def loss(
            params: Stacked, averages: Stacked, buffers: Stacked, batch: Any, noise: Any, hyper: Any
        ) -> Any:
            nets = nets_of(self.stacks, params, buffers, averages, self.precision)
            given = zip(KINDS, (nets, batch, noise, hyper), strict=True)
            whose = f"player {self.player!r}"
            inputs = (Inputs(kind, whose, one) for kind, one in given)
            with self.purity.watch("loss", self.player):
                return checked_loss(self.player, self.game.loss(self.player, *inputs))

        learning = learning_players(self.game, self.player)
        with torch.enable_grad(), eval_mode(self.stacks, learning):
            args = (params, self._views(averages), buffers, batch, noise, hyper)
            value, metrics = over_lanes(loss, flats[0].shape[0])(*args)
            if not value.requires_grad:
                raise UserError(f"the loss of player {self.player!r} does not depend on its own "
                                "parameters: use nets, and detach less.")  # fmt: skip
            # Lanes share no weights: the gradient of the sum is each lane's own.
            grads = torch.autograd.grad(
                value.sum(), list(mine.values()), allow_unused=True, materialize_grads=True
            )
        for view, grad in zip(self.stack.views(room).values(), grads, strict=True):
            view.copy_(grad)
        return room, value.detach(), {n: m.detach() for n, m in metrics.items()}

    def _views(self, flats: Any) -> Stacked:
        named = zip(self.stacks.items(), flats, strict=True)
        return {n: dict(s.views(flat)) for (n, s), flat in named if flat is not None}


def _select(tree: Any, index: LaneIndex) -> Any:
    """Select the lanes `index`: views of them if they are the first ones, or else copies."""
    return pytree.tree_map(lambda t: t[index] if isinstance(t, Tensor) else t, tree)


def _write_back(tree: Any, index: LaneIndex, rows: Any) -> None:
    """Write back what `_select` copied; views need no write."""
    if isinstance(index, Tensor):
        for room, new in zip(pytree.tree_leaves(tree), pytree.tree_leaves(rows), strict=True):
            if isinstance(room, Tensor):
                room[index] = new


def scatter(tree: Any, index: LaneIndex, lanes: int) -> Any:
    """Put values [K] in their places among all lanes [L]; the others are zero."""

    def spread(values: Tensor) -> Tensor:
        if len(values) == lanes:
            return values
        room = values.new_zeros(lanes)
        room[index] = values
        return room

    return pytree.tree_map(spread, tree)
