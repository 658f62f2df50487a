"""One player's networks for all lanes: parameters in one matrix, buffers stacked.

L lanes, P parameters.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.game import Player
from gensweep.lanes._initial_weights import check_module
from gensweep.lanes._optimizer_formulas import initial_state
from gensweep.lanes._parameter_groups import ParameterGroups


class Stack:
    """Holds one player's weights, buffers, optimiser state and average for every lane.

    Weights are one matrix [L, P], so that an optimiser's step is a few operations for all of them.
    `where` names the player in errors.
    """

    def __init__(self, player: Player, lanes: int, device: torch.device, where: str = "a player"):
        self.player, self.lanes = player, lanes
        # The module is a template whose weights are never used: they must not draw global numbers.
        with torch.random.fork_rng(devices=[]):
            module = player.build()
        check_module(module, where)
        self.module: nn.Module = module.to(device)
        named = dict(self.module.named_parameters())
        self.shapes = {name: p.shape for name, p in named.items()}
        count = sum(shape.numel() for shape in self.shapes.values())
        self.flat = torch.zeros(lanes, count, device=device)
        self.buffers = {name: torch.stack([b] * lanes) for name, b in self.module.named_buffers()}
        columns = ((name, start, end) for name, _, start, end in self._spans())
        self.groups = ParameterGroups(player, columns, device)
        self.optimizer = initial_state(player, self.flat, len(self.shapes))
        averaged = player.ema is not None and not player.frozen
        self.ema = self.flat.clone() if averaged else None
        chosen = self.buffers.items() if averaged and player.average_buffers else ()
        self.ema_buffers = {n: b.clone() for n, b in chosen if b.is_floating_point()}
        self.standing_batches = 0 if player.frozen else player.standing_batches
        measured = statistics(self.module) if self.standing_batches else ()
        self.standing = {name: self.buffers[name].clone() for name in measured}
        """Running statistics that `_standing` measures for samples, [L, ...] by name."""

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """View `flat` [L, P] as parameters by name, each [L, *shape], sharing its memory."""
        return {
            name: flat[:, start:end].view(flat.shape[0], *shape)
            for name, shape, start, end in self._spans()
        }

    def _spans(self) -> Iterator[tuple[str, torch.Size, int, int]]:
        start = 0
        for name, shape in self.shapes.items():
            end = start + shape.numel()
            yield name, shape, start, end
            start = end

    def sampling_weights(self) -> Tensor:
        """Return the weights [L, P] for evaluation: the moving average where there is one."""
        return self.flat if self.ema is None else self.ema

    def sampling_buffers(self) -> dict[str, Tensor]:
        """Return the buffers for evaluation: averages or standing statistics if there are some."""
        return self.buffers | self.ema_buffers | self.standing

    def _begin_averages(self, slot: int) -> None:
        if self.ema is not None:
            self.ema[slot] = self.flat[slot]
        for name, average in (self.ema_buffers | self.standing).items():
            average[slot] = self.buffers[name][slot]

    def reset(self, slot: int, module: nn.Module) -> None:
        """Begin `slot` afresh with `module`'s weights.

        They may be smaller than the slot, whose rest is then zero. It stays zero, because games
        mask the latent units beyond a lane's own size.
        """
        source = dict(module.named_parameters())
        for tensor in self._tensors().values():
            tensor[slot].zero_()
        with torch.no_grad():
            for name, view in self.views(self.flat).items():
                _embed(view[slot], source[name])
            for name, buffer in module.named_buffers():
                _embed(self.buffers[name][slot], buffer)
        self._begin_averages(slot)

    def copy_weights(self, slot: int, other: "Stack") -> None:
        """Set the weights and buffers of `slot` to those of `other`, which has the like shapes."""
        self.flat[slot] = other.flat[slot]
        for name, buffer in other.buffers.items():
            self.buffers[name][slot] = buffer[slot]
        self._begin_averages(slot)

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {"parameters": self.flat}
        tensors |= {f"buffer.{name}": b for name, b in self.buffers.items()}
        tensors |= {f"optimizer.{name}": m for name, m in self.optimizer.items()}
        tensors |= {f"ema_buffer.{name}": b for name, b in self.ema_buffers.items()}
        tensors |= {f"standing.{name}": b for name, b in self.standing.items()}
        return tensors if self.ema is None else tensors | {"ema": self.ema}

    def take(self, slot: int) -> dict[str, Tensor]:
        """Copy all tensors of `slot` to the host."""
        return {name: t[slot].detach().cpu().clone() for name, t in self._tensors().items()}

    def check(self, slot: int, state: Mapping[str, Tensor]) -> None:
        """Raise `UserError` unless `state` has the names and shapes that `take` returns."""
        mine = {name: tensor[slot].shape for name, tensor in self._tensors().items()}
        if mine != {name: tensor.shape for name, tensor in state.items()}:
            raise UserError("the lane's state belongs to another architecture or optimiser.")

    def put(self, slot: int, state: Mapping[str, Tensor]) -> None:
        """Set all tensors of `slot` to those that `take` copied."""
        for name, tensor in self._tensors().items():
            tensor[slot] = state[name]

    def lane_weights(self, slot: int) -> dict[str, Any]:
        """Copy the sampling weights and buffers of one lane, as a state dict."""
        views = self.views(self.sampling_weights())
        weights = {name: v[slot].detach().clone() for name, v in views.items()}
        return weights | {name: b[slot].clone() for name, b in self.sampling_buffers().items()}


def statistics_layers(module: nn.Module) -> dict[str, nn.Module]:
    """Return by name the layers that keep running statistics as BatchNorm does, by a momentum."""
    return {
        name: layer for name, layer in module.named_modules()
        if isinstance(getattr(layer, "running_mean", None), Tensor) and hasattr(layer, "momentum")
    }  # fmt: skip


def statistics(module: nn.Module) -> list[str]:
    """List the buffers that are running statistics, but not counts of batches."""
    return [
        f"{name}.{key}".lstrip(".")
        for name, layer in statistics_layers(module).items()
        for key, buffer in layer.named_buffers(recurse=False)
        if buffer.is_floating_point()
    ]


def _embed(room: Tensor, source: Tensor) -> None:
    """Copy `source` into the leading block of `room`, which is zero elsewhere."""
    room.zero_()
    room[tuple(slice(0, n) for n in source.shape)].copy_(source.detach())
