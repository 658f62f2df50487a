"""Noise within a grey level that a flow learns: variational dequantisation.

Ho et al. (Flow++), arXiv:1902.00275, section 3.1. B batch, D dimensions of a flattened image.
"""

from math import prod

from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from gensweep_models.flow.priors import log_prior
from gensweep_models.nets.coupling import Coupling, masks
from gensweep_models.nets.mlp import mlp

COUPLINGS, HIDDEN, LAYERS = 4, 64, 1


class Dequantiser(nn.Module):
    """Normal noise [B, D] and images [B, *shape] to noise u in (0, 1) [B, D] and log q(u | x) [B].

    Couplings that see the image, then a logistic function; at first u does not depend on it.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        size = prod(shape)
        self.steps = nn.ModuleList(
            Coupling(mask, mlp(2 * size, 2 * size, HIDDEN, LAYERS))
            for mask in masks(shape, COUPLINGS)
        )

    def forward(self, epsilon: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        y, log_q, image = epsilon, log_prior("normal", epsilon), x.flatten(1)
        for step in self.steps:
            y, log_determinant = step(y, condition=image)
            log_q = log_q - log_determinant
        return y.sigmoid(), log_q - (logsigmoid(y) + logsigmoid(-y)).sum(-1)


class VariationalFlow(nn.Module):
    """A bijection, beside the dequantiser that learns with it."""

    def __init__(self, bijection: nn.Module, dequantiser: nn.Module) -> None:
        super().__init__()
        self.bijection, self.dequantiser = bijection, dequantiser

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        found: tuple[Tensor, Tensor] = self.bijection(x, inverse)
        return found
