"""Networks as a loss sees them, for tests that call a game without the engine."""

from collections.abc import Mapping

from torch import nn

from gensweep.lanes._net import Net

__all__ = ["Net", "bind", "bind_all"]


def bind(player: str, module: nn.Module) -> Net:
    """Bind a network to its own weights and buffers, in which a call leaves its traces."""
    return Net(player, module, dict(module.named_parameters()), dict(module.named_buffers()))


def bind_all(modules: Mapping[str, nn.Module]) -> dict[str, Net]:
    """Bind the networks of a game, by their players."""
    return {name: bind(name, module) for name, module in modules.items()}
