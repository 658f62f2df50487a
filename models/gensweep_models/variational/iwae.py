"""Importance weighted autoencoder: a VAE that maximises a tighter bound (arXiv:1509.00519).

A VAE with the settings of Burda et al., section 5, for one stochastic layer; weights begin as
torch draws them, and the output's bias at zero in the place of the mean pixel's log-odds.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import log

from torch import Tensor

from gensweep_models.config import fixed, lane, latent
from gensweep_models.game import Schedule
from gensweep_models.grey_levels import Binarise, binarise_field
from gensweep_models.space import Categorical, Dimension, Integer, Real
from gensweep_models.variational.bodies import Activation
from gensweep_models.variational.vae import VaeConfig

STAIRS = 8
"""Stage i, from 0, has 3^i epochs at a learning rate of 10^(-i / 7) times the first."""


def staircase(progress: Tensor) -> Tensor:
    """The factor of the learning rate in the course of the stages; section 5."""
    epochs = (3**STAIRS - 1) / 2
    stage = ((2 * epochs * progress + 1).log() / log(3)).floor().clamp(max=STAIRS - 1)
    factor: Tensor = 10 ** (-stage / (STAIRS - 1))
    return factor


@dataclass(frozen=True, kw_only=True, slots=True)
class IwaeConfig(VaeConfig):
    """Settings of an IWAE."""

    learning_rate: float = lane(1e-3, above=0)
    latent_size: int = latent(50, at_least=1)
    batch_size: int = fixed(20, at_least=1)
    importance_samples: int = fixed(50, "k of the bound that is maximised; 1: the ELBO", at_least=1)
    binarise: Binarise = binarise_field("dynamic")
    hidden: int = fixed(200, "units of the mlp body", at_least=1)
    activation: Activation = fixed("tanh", "of the mlp body", choices=("relu", "tanh"))
    eps: float = fixed(1e-4, "of the optimiser", above=0)
    ema: float = fixed(0.0, "decay of the averaged weights of samples", at_least=0, below=1)
    decay: bool = fixed(True, "learning rate falls in the paper's eight stages")

    @property
    def schedule(self) -> str | Schedule:
        """The factor of the learning rate over the budget."""
        return staircase if self.decay else "constant"


IWAE_SPACE: dict[str, Dimension] = {
    "importance_samples": Categorical((1, 5, 50)),
    "latent_size": Integer(2, 64, log=True),
    "learning_rate": Real(1e-4, 1e-2, log=True),
}
