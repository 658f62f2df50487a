"""The bilinear game min_x max_y xy: why plain gradient descent fails at GANs, and what helps.

At learning rate a, simultaneous steps multiply the distance from the equilibrium by sqrt(1 + a^2),
and steps in turn keep to an orbit for a < 2. Extragradient (Korpelevich 1976), optimistic gradient
(arXiv:1711.00141), consensus optimisation (arXiv:1705.10461) and, in turn, negative momentum
(arXiv:1807.04740) converge. Conditions and rates: arXiv:1908.05699. No player tells data from
samples, so that there is no accuracy to tell.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

from gensweep_models.adversarial.plane import Order, PlaneConfig, PlaneGame, gradients_energy
from gensweep_models.config import fixed, lane
from gensweep_models.game import DataShape, Loss, Nets, Tensors
from gensweep_models.space import Categorical, Dimension, Real

Method = Literal["gradient", "optimistic", "negative_momentum", "consensus"]


@dataclass(frozen=True, kw_only=True, slots=True)
class BilinearConfig(PlaneConfig):
    """Settings of the bilinear game."""

    method: Method = fixed("gradient", "of both players", choices=get_args(Method))
    momentum: float = lane(-0.5, "negative_momentum", above=-1, below=0)
    consensus_weight: float = lane(1.0, "consensus", above=0)


BILINEAR_SPACE: dict[str, Dimension] = {
    "order": Categorical(get_args(Order)),
    "method": Categorical(get_args(Method)),
    "learning_rate": Real(1e-2, 1.0, log=True),
    "momentum": Real(-0.9, -0.1, when={"method": ("negative_momentum",)}),
    "consensus_weight": Real(0.1, 10.0, log=True, when={"method": ("consensus",)}),
}


def bilinear(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Losses of the player that minimises xy, and of the one that maximises it."""
    value = (x * y).sum()
    return value, -value


class Bilinear(PlaneGame):
    """Player "x" minimises xy, player "y" maximises it."""

    def __init__(self, config: BilinearConfig, data: DataShape) -> None:
        self.method = config.method
        rule = "optimistic_sgd" if config.method == "optimistic" else "sgd"
        momentum = "momentum" if config.method == "negative_momentum" else 0.0
        super().__init__(config, data, ("x", "y"), optimizer=rule, momentum=momentum)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's side of xy, and for consensus the weight of all gradients."""
        x, y = nets["x"](), nets["y"]()
        loss = bilinear(x, y)[player == "y"]
        if self.method == "consensus":
            loss = loss + hyper["consensus_weight"] * gradients_energy(bilinear, x, y)
        return loss, {}
