"""Networks as a loss sees them, for tests that call a game without the engine."""

from torch import nn

from gensweep.lanes._net import Net

__all__ = ["Net", "bind"]


def bind(player: str, module: nn.Module) -> Net:
    """Bind a network to its own weights and buffers, in which a call leaves its traces."""
    return Net(player, module, dict(module.named_parameters()), dict(module.named_buffers()))
