"""NICE: additive couplings and one scaling, with a logistic prior (Dinh et al., arXiv:1410.8516).

B batch, D dimensions of a flattened example.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.truncation import truncation_field
from gensweep_models.config import fixed, lane
from gensweep_models.flow.density import Flow, FlowConfig
from gensweep_models.flow.priors import Prior
from gensweep_models.nets.coupling import Bijections, Coupling
from gensweep_models.nets.mlp import mlp
from gensweep_models.space import Categorical, Dimension, Real

LOGISTIC_BOUND = 40.0
"""A threshold beyond which float32 has no logistic numbers to draw."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NiceConfig(FlowConfig):
    """Settings of a NICE; the paper's on MNIST, but for the width (1,000 there)."""

    beta2: float = lane(0.99, at_least=0, below=1)
    prior: Prior = fixed("logistic", "law of the latent", choices=get_args(Prior))
    truncation: float = truncation_field(LOGISTIC_BOUND)
    couplings: int = fixed(4, at_least=2)
    hidden: int = fixed(256, "units of a coupling's MLP", at_least=1)
    layers: int = fixed(5, "hidden layers of a coupling's MLP", at_least=1)


NICE_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "weight_decay": Real(1e-6, 1e-1, log=True),
    "couplings": Categorical((4, 6)),
    "layers": Categorical((2, 3, 5)),
    "prior": Categorical(get_args(Prior)),
    "temperature": Real(0.5, 1.0),
}


class Scaling(nn.Module):
    """The last step: each number times a learned factor, exp(s); section 3.3."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(size))

    def forward(self, x: Tensor, inverse: bool = False) -> tuple[Tensor, Tensor]:
        s = -self.log_scale if inverse else self.log_scale
        return x * s.exp(), s.sum().expand(len(x))


class Nice(Flow):
    """Additive couplings, which keep volumes, between odd and even places."""

    alpha = 0.0

    @property
    def prior(self) -> Prior:
        """The law of the latent."""
        chosen: Prior = self.config.prior
        return chosen

    def bijection(self) -> nn.Module:
        """Couplings that take turns, then the scaling."""
        c, size = self.config, self.size
        odd = torch.arange(size) % 2.0
        steps: list[nn.Module] = [
            Coupling((odd, 1 - odd)[i % 2], mlp(size, size, c.hidden, c.layers), additive=True)
            for i in range(c.couplings)
        ]
        return Bijections([*steps, Scaling(size)])
