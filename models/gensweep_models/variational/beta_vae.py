"""beta-VAE: a VAE whose rate weighs more, so that latent numbers tell apart what varies apart.

Higgins et al., ICLR 2017; Burgess et al., arXiv:1804.03599. A VAE with other settings: theirs for
images, but with as many halvings of the side as it allows, and one layer between maps and codes.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass

from gensweep_models.config import fixed, lane, latent
from gensweep_models.space import Dimension, Integer, Real
from gensweep_models.variational.bodies import Body
from gensweep_models.variational.vae import VaeConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class BetaVaeConfig(VaeConfig):
    """Settings of a beta-VAE."""

    learning_rate: float = lane(5e-4, above=0)
    kl_weight: float = lane(4.0, "beta", above=0)
    latent_size: int = latent(10, at_least=1)
    batch_size: int = fixed(64, at_least=1)
    body: Body = fixed("conv", "mlp: of any examples", choices=("mlp", "conv"))
    decay: bool = fixed(False, "learning rate falls linearly to zero over the budget")


BETA_VAE_SPACE: dict[str, Dimension] = {
    "latent_size": Integer(2, 64, log=True),
    "kl_weight": Real(1.0, 64.0, log=True),
    "learning_rate": Real(1e-4, 1e-2, log=True),
}
