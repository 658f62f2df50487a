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

from gensweep.errors import UserError
from gensweep.game import Game
from gensweep.lanes._functional import Stacked, eval_mode, nets_of, over_lanes
from gensweep.lanes._graph import Capture, Graphs
from gensweep.lanes._lane_index import ALL, LaneIndex, scatter, select, size_of, write_back
from gensweep.lanes._loss_result import KINDS, Inputs, checked_loss, with_penalty
from gensweep.lanes._optimizer_step import average_buffers, scalar, update
from gensweep.lanes._optimizer_step_cpu import has_kernel, update_on_cpu
from gensweep.lanes._penalty import Due, add_where_due
from gensweep.lanes._purity import Purity
from gensweep.lanes._schedule import learning_players
from gensweep.lanes._spectral_norm import SPECTRAL_NORM
from gensweep.lanes._stack import Stack
from gensweep.lanes._traces import Traces
from gensweep.lanes._update_ratio import UPDATE_RATIO
from gensweep.precision import Precision

GRADIENT_NORM = "_gradient_norm"
MEASURED = (GRADIENT_NORM, UPDATE_RATIO, SPECTRAL_NORM)
"""After a player's name: the metrics of training that the engine measures itself."""
Mean = Callable[[Tensor], None]
Told = tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]
"""The loss [L] and the metrics [L] of a turn; the penalty and its metrics [L], {} if not due."""


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
        due: Due | None = None,
    ) -> Told:
        """Take the turn in the lanes of `mask` (None: all).

        `mean_` makes the gradient [L, P] the mean over ranks, in place; None: there is one rank.
        `index`: the only lanes to compute, K of them; inputs and mask have just these. `due`: those
        whose penalty is added; None: there is none.
        """
        if mean_ is not None:
            return self._act(index, batch, noise, hyper, mask, due, mean_)
        # A graph is bound to shapes and to whether there is a mask, so each of these is one name.
        name = size_of(index), mask is None, due and due.graph_name
        told: Told = self.graphs(name, self._act, index, batch, noise, hyper, mask, due)
        return told

    def _act(
        self, index: LaneIndex, batch: Any, noise: Any, hyper: Any, mask: Tensor | None,
        due: Due | None, mean_: Mean | None = None,
    ) -> Told:  # fmt: skip
        grad, told = self.whole_gradient(batch, noise, hyper, index, mask, due)
        # Between gradient and step, as DistributedDataParallel does: all ranks take one step.
        if mean_ is not None:
            self.average_over_ranks(grad, mean_)
        told = self.with_norm(told, grad, index)
        self.step(grad, hyper, mask, index)
        return told

    def whole_gradient(
        self, batch: Any, noise: Any, hyper: Any, index: LaneIndex, mask: Tensor | None,
        due: Due | None,
    ) -> tuple[Tensor, Told]:  # fmt: skip
        """Return the gradient [K, P] of the loss, with k times the penalty's where that is due."""
        grad, *found = self.gradient(batch, noise, hyper, index, mask=mask)
        loss, metrics = scatter(tuple(found), index, self.stack.lanes)
        if due is None:
            return grad, (loss, metrics, {})
        batch, noise, hyper = select((batch, noise, hyper), due.rows)
        extra, *paid = self.gradient(batch, noise, hyper, due.lanes, mask=due.mask, of="penalty")
        times = scalar(self.stack.player.penalty_every or 1, hyper, extra)
        add_where_due(grad, extra, times, due)
        penalty = with_penalty(self.player, metrics, *scatter(paid, due.lanes, self.stack.lanes))
        return grad, (loss, metrics, penalty)

    def with_norm(self, told: Told, grad: Tensor, index: LaneIndex) -> Told:
        """Add the norm of each lane's gradient [K, P], before it is clipped, to its metrics."""
        loss, metrics, penalty = told
        if taken := [name for one in MEASURED if (name := self.player + one) in metrics]:
            raise UserError(f"{self.player!r} reports a metric {taken[0]!r}, which the engine "
                            "measures itself: rename it in the model's loss.")  # fmt: skip
        (norm,) = scatter((torch.linalg.vector_norm(grad, dim=1),), index, self.stack.lanes)
        return loss, {**metrics, self.player + GRADIENT_NORM: norm}, penalty

    def average_over_ranks(self, grad: Tensor, mean_: Mean) -> None:
        """Make the gradient, and the player's statistics of its own batch, those of all ranks."""
        mean_(grad)
        for buffer in self.stack.buffers.values():
            if buffer.is_floating_point():
                mean_(buffer)

    def gradient(
        self, batch: Any, noise: Any, hyper: Any, index: LaneIndex = ALL,
        *, mask: Tensor | None = None, of: str = "loss",
    ) -> tuple[Tensor, Tensor, Any]:  # fmt: skip
        """Return the gradient [K, P], the loss [K] and metrics [K]; or those `of` the penalty.

        The player's own buffers change, in the lanes of `mask`; those of the others are read, and
        what a forward pass in training mode writes into them is forgotten.
        """
        flats = [stack.flat[index] for stack in self.stacks.values()]
        averages = [None if s.ema is None else s.ema[index] for s in self.stacks.values()]
        buffers = {name: self._buffers(name, index, mask) for name in self.stacks}
        room = torch.empty_like(self.stack.flat[: len(flats[0])])
        args = (flats, averages, buffers, (batch, noise, hyper), room)
        name = "gradient" if of == "loss" else of
        found = self._replay(name, partial(self._gradient, of), *args)
        self._keep_buffers(buffers[self.player], index, mask)
        return found  # type: ignore[no-any-return]

    def _buffers(self, name: str, index: LaneIndex, mask: Tensor | None) -> dict[str, Tensor]:
        chosen: dict[str, Tensor] = select(self.stacks[name].buffers, index)
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
            parts = select(whole, index)
            name = "step" if mask is None else "masked"
            column = None if mask is None else mask[:, None]
            self._replay(name, partial(update, stack), *parts, grad, hyper, column)
            write_back(whole, index, parts)
        if stack.ema_buffers:
            average_buffers(stack, hyper, mask, index)

    def _replay(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        if not self.trace:
            return fn(*args)
        traces = self._traces.setdefault(name, Traces(fn))
        return traces(*args)

    def _gradient(
        self, of: str, flats: Any, averages: Any, buffers: Stacked, inputs: Any, room: Tensor
    ) -> Any:
        """Differentiate the player's loss, or penalty, with respect to its own weights alone."""
        params = self._views(flats)
        mine = {n: p.detach().requires_grad_() for n, p in params[self.player].items()}
        params[self.player] = mine

        def loss(
            params: Stacked, averages: Stacked, buffers: Stacked, inputs: tuple[Any, ...]
        ) -> Any:
            nets = nets_of(self.stacks, params, buffers, averages, self.precision)
            given = zip(KINDS, (nets, *inputs), strict=True)
            whose = f"player {self.player!r}"
            named = (Inputs(kind, whose, one) for kind, one in given)
            with self.purity.watch(of, self.player):
                return checked_loss(self.player, getattr(self.game, of)(self.player, *named), of)

        learning = learning_players(self.game, self.player)
        with torch.enable_grad(), eval_mode(self.stacks, learning):
            args = (params, self._views(averages), buffers, inputs)
            value, metrics = over_lanes(loss, flats[0].shape[0])(*args)
            if not value.requires_grad:
                raise UserError(f"the {of} of player {self.player!r} does not depend on its own "
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
