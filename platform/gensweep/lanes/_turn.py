"""A player's turn in every lane at once: the loss's gradient, then the optimiser's step.

The loss is written for one trial; `vmap` makes it L. Each half is traced once into a flat list
of tensor operations and replayed, which costs what code written by hand costs. One lane
bypasses `vmap`. On a CPU a fused kernel takes the optimiser's step where there is one; on a GPU
the whole turn becomes a CUDA graph.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils import _pytree as pytree

from gensweep.game import Game
from gensweep.lanes import _fused
from gensweep.lanes._blocks import even_out
from gensweep.lanes._choice import choose
from gensweep.lanes._functional import Stacked, frozen, nets_of, over_lanes
from gensweep.lanes._graph import Capture, Graphs
from gensweep.lanes._precision import Precision
from gensweep.lanes._schedule import learning
from gensweep.lanes._stack import Stack
from gensweep.lanes._tidy import tidied
from gensweep.lanes._update import update

Mean = Callable[[Tensor], None]


class Turn:
    """One player's turn. `gradient` and `step` are replayed traces after their first call.

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
        self.graphs = Graphs(capture)
        self.fused = _fused.fits(stacks[player])
        self._traces: dict[str, Callable[..., Any]] = {}

    def act(
        self,
        batch: Any,
        noise: Any,
        hyper: Any,
        mask: Tensor | None,
        mean_: Mean | None,
        where: Tensor | None = None,
    ) -> Any:
        """Act in the lanes of `mask` (None: all), and return the loss [L] and metrics [L].

        `mean_` makes the gradient [L, P] the mean over ranks, in place; None: there is one rank.
        `where`: the only lanes to compute, [K]; then inputs and mask have them in front.
        """
        if where is not None:
            return self._act_in(where, batch, noise, hyper, mask, mean_)
        if mean_ is not None:
            return self._act(batch, noise, hyper, mask, mean_)
        name = "all" if mask is None else "masked"
        return self.graphs(name, self._act, batch, noise, hyper, mask)

    def _act(
        self, batch: Any, noise: Any, hyper: Any, mask: Tensor | None, mean_: Mean | None = None
    ) -> Any:
        before = None if mask is None else [b.clone() for b in self._all_buffers()]
        grad, loss, metrics = self.gradient(batch, noise, hyper)
        if mean_ is not None:
            mean_(grad)
        self.step(grad, hyper, mask)
        if before is not None and mask is not None:
            for room, old in zip(self._all_buffers(), before, strict=True):
                room.copy_(torch.where(mask.view(-1, *[1] * (room.ndim - 1)), room, old))
        return loss, metrics

    def _act_in(
        self, where: Tensor, batch: Any, noise: Any, hyper: Any, mask: Tensor | None,
        mean_: Mean | None,
    ) -> Any:  # fmt: skip
        """As `_act`, with copies of these lanes."""
        flats = [stack.flat[where] for stack in self.stacks.values()]
        buffers = _rows(self._buffers(), where)
        room = torch.empty_like(self.stacks[self.player].flat[: len(where)])
        args = (flats, buffers, batch, noise, hyper, room)
        grad, *told = self._replay("half", self._gradient, *args)
        if mean_ is not None:
            mean_(grad)
        self._step_in(where, grad, hyper, mask)
        acted = slice(None) if mask is None else mask
        for room, new in zip(self._all_buffers(), pytree.tree_leaves(buffers), strict=True):
            room[where[acted]] = new[acted]
        lanes = self.stacks[self.player].lanes
        return pytree.tree_map(lambda t: t.new_zeros(lanes).index_copy(0, where, t), tuple(told))

    def gradient(self, batch: Any, noise: Any, hyper: Any) -> tuple[Tensor, Tensor, Any]:
        """The gradient [L, P], the loss [L] and metrics [L]; buffers change in place."""
        flats = [stack.flat for stack in self.stacks.values()]
        room = torch.empty_like(self.stacks[self.player].flat)
        args = (flats, self._buffers(), batch, noise, hyper, room)
        return self._replay("gradient", self._gradient, *args)  # type: ignore[no-any-return]

    def step(self, grad: Tensor, hyper: Any, mask: Tensor | None) -> None:
        """Update the player's weights, moments and average in the lanes of `mask` (None: all)."""
        stack = self.stacks[self.player]
        if self.fused:
            acting = range(stack.lanes) if mask is None else mask.nonzero()[:, 0].tolist()
            _fused.step(stack, grad, hyper, zip(acting, acting, strict=True))
            return
        args = (stack.flat, stack.ema, stack.optimizer, grad, hyper)
        name = "step" if mask is None else "masked"
        rows = None if mask is None else mask[:, None]
        self._replay(name, partial(update, stack.player), *args, rows)

    def _step_in(self, where: Tensor, grad: Tensor, hyper: Any, mask: Tensor | None) -> None:
        """As `step`, with a gradient [K, P] of the lanes `where` alone."""
        stack, acted = self.stacks[self.player], slice(None) if mask is None else mask
        if self.fused:
            rows = torch.arange(len(where))[acted]
            _fused.step(stack, grad, hyper, torch.stack([rows, where[acted]], 1).tolist())
            return
        whole = (stack.flat, stack.ema, stack.optimizer)
        parts = _rows(whole, where)
        name = "half step" if mask is None else "masked half"
        column = None if mask is None else mask[:, None]
        self._replay(name, partial(update, stack.player), *parts, grad, hyper, column)
        for room, new in zip(pytree.tree_leaves(whole), pytree.tree_leaves(parts), strict=True):
            if room is not None:
                room[where] = new

    def _all_buffers(self) -> list[Tensor]:
        return [b for stack in self.stacks.values() for b in stack.buffers.values()]

    def _buffers(self) -> Stacked:
        return {name: stack.buffers for name, stack in self.stacks.items()}

    def _replay(self, name: str, fn: Callable[..., Any], *args: Any) -> Any:
        if not self.trace:
            return fn(*args)
        if name not in self._traces:
            traced = make_fx(lambda packed: fn(*packed))(_copies(args))
            even_out(traced, len(pytree.tree_leaves(args)[0]))
            tidied(traced)
            choose(traced)
            self._traces[name] = traced
        with torch.no_grad():
            return self._traces[name](args)

    def _gradient(
        self, flats: Any, buffers: Stacked, batch: Any, noise: Any, hyper: Any, room: Tensor
    ) -> Any:
        named = zip(self.stacks.items(), flats, strict=True)
        params = {name: dict(stack.views(flat)) for (name, stack), flat in named}
        mine = {n: p.detach().requires_grad_() for n, p in params[self.player].items()}
        params[self.player] = mine

        def loss(params: Stacked, buffers: Stacked, batch: Any, noise: Any, hyper: Any) -> Any:
            nets = nets_of(self.stacks, params, buffers, self.precision)
            return self.game.loss(self.player, nets, batch, noise, hyper)

        with torch.enable_grad(), frozen(self.stacks, learning(self.game, self.player)):
            lanes = flats[0].shape[0]
            value, metrics = over_lanes(loss, lanes)(params, buffers, batch, noise, hyper)
            grads = torch.autograd.grad(
                value.sum(), list(mine.values()), allow_unused=True, materialize_grads=True
            )
        stack = self.stacks[self.player]
        for view, grad in zip(stack.views(room).values(), grads, strict=True):
            view.copy_(grad)
        return room, value.detach(), {n: m.detach() for n, m in metrics.items()}


def _rows(tree: Any, where: Tensor) -> Any:
    """Copies of the lanes `where`."""
    return pytree.tree_map(lambda t: t[where] if isinstance(t, Tensor) else t, tree)


def _copies(args: Any) -> Any:
    """Copies, so that tracing, which executes once, changes nothing."""
    return pytree.tree_map(lambda t: t.clone() if isinstance(t, Tensor) else t, args)
