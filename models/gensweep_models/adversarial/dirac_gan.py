"""The Dirac-GAN: which training methods converge where data are a point (arXiv:1801.04406).

The data are a point mass at 0, the generator's one at theta, the discriminator is D(x) = psi x,
above 0 for real (the paper's psi has the other sign). Linearly convergent to the equilibrium
(0, 0): instance noise, zero-centred penalties (R1, R2), consensus optimisation. Not: unregularised
GANs, WGAN with clipped weights, WGAN-GP.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gensweep_models.adversarial.plane import Order, PlaneConfig, PlaneGame, gradients_energy
from gensweep_models.config import fixed, lane
from gensweep_models.game import DataShape, Loss, Nets, Tensors
from gensweep_models.space import Categorical, Dimension, Real

Objective = Literal["minimax", "non_saturating", "wasserstein"]
Regulariser = Literal["none", "clipping", "wgan_gp", "instance_noise", "r1", "r2", "consensus"]
F: dict[Objective, Callable[[Tensor], Tensor]] = {
    "minimax": lambda t: -softplus(-t),
    "non_saturating": lambda t: -softplus(-t),
    "wasserstein": lambda t: t,
}
"""The paper's f: the log of the sigmoid, or the identity."""
NODES = 16
"""Of the quadrature over instance noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiracGanConfig(PlaneConfig):
    """Settings of the Dirac-GAN; those a regulariser does not use are ignored."""

    order: Order = fixed("in_turn", "in which the players step", choices=get_args(Order))
    objective: Objective = fixed("minimax", choices=get_args(Objective))
    regulariser: Regulariser = fixed("none", choices=get_args(Regulariser))
    weight: float = lane(1.0, "wgan_gp, r1, r2, consensus", above=0)
    target: float = lane(1.0, "norm of the gradient; wgan_gp", above=0)
    clip: float = lane(0.3, "bound on psi; clipping", above=0)
    noise_std: float = lane(1.0, "instance_noise", above=0)


DIRAC_GAN_SPACE: dict[str, Dimension] = {
    "regulariser": Categorical(get_args(Regulariser)),
    "objective": Categorical(get_args(Objective)),
    "learning_rate": Real(1e-2, 1.0, log=True),
    "weight": Real(
        0.1, 10.0, log=True, when={"regulariser": ("wgan_gp", "r1", "r2", "consensus")}
    ),
    "noise_std": Real(0.1, 3.0, log=True, when={"regulariser": ("instance_noise",)}),
}  # fmt: skip


def normal_nodes(count: int) -> tuple[list[float], list[float]]:
    """Nodes and weights of Gauss-Hermite quadrature of N(0, 1); Golub and Welsch 1969."""
    beside = torch.arange(1, count, dtype=torch.float64).sqrt()
    nodes, vectors = torch.linalg.eigh(torch.diag(beside, 1) + torch.diag(beside, -1))
    return nodes.tolist(), vectors[0].square().tolist()


def apart(theta: Tensor, psi: Tensor) -> dict[str, Tensor]:
    """Tell how the discriminators tell data, which they score 0, from samples: over the games [N].

    Instance noise moves both scores alike.
    """
    fake = (psi * theta).detach()
    return {"critic_gap": -fake.mean(), "critic_accuracy": (fake < 0).mean(dtype=fake.dtype)}


class DiracGan(PlaneGame):
    """A generator theta against a discriminator psi; the expectation over instance noise exact."""

    config: DiracGanConfig

    def __init__(self, config: DiracGanConfig, data: DataShape) -> None:
        super().__init__(config, data, ("generator", "discriminator"), optimizer="sgd")
        noisy = config.regulariser == "instance_noise"
        self.nodes, self.weights = normal_nodes(NODES) if noisy else ([0.0], [1.0])
        if config.regulariser == "clipping":
            bound = replace(self.players["discriminator"], weight_bound="clip")
            self.players["discriminator"] = bound

    def sides(self, theta: Tensor, psi: Tensor, noise_std: Tensor) -> tuple[Tensor, Tensor]:
        """Losses of generator and discriminator, summed over the games [N]; equation 1."""
        f, saturates = F[self.config.objective], self.config.objective != "non_saturating"
        nodes, weights = (torch.tensor(values, dtype=psi.dtype, device=psi.device)
                          for values in (self.nodes, self.weights))  # fmt: skip
        noise = noise_std * nodes[:, None]
        real, fake = psi * noise, psi * (theta + noise)
        of_generator = f(-fake) if saturates else -f(fake)
        of_discriminator = -f(real) - f(-fake)
        return (weights @ of_generator).sum(), (weights @ of_discriminator).sum()

    def regularisation(self, theta: Tensor, psi: Tensor, target: Tensor) -> Tensor:
        """Half the squared norm of D's gradient at data (r1) or samples, or its error (wgan_gp)."""
        x = torch.zeros_like(theta) if self.config.regulariser == "r1" else theta.detach()
        slope: Tensor = torch.func.grad(lambda at: (psi * at).sum())(x)
        if self.config.regulariser == "wgan_gp":
            slope = slope.abs() - target
        return slope.square().sum() / 2

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective with its regulariser."""
        theta, psi = nets["generator"](), nets["discriminator"]()
        sides, kind = partial(self.sides, noise_std=hyper["noise_std"]), self.config.regulariser
        loss = sides(theta, psi)[player == "discriminator"]
        if kind == "consensus":
            loss = loss + hyper["weight"] * gradients_energy(sides, theta, psi)
        elif kind in ("wgan_gp", "r1", "r2") and player == "discriminator":
            loss = loss + hyper["weight"] * self.regularisation(theta, psi, hyper["target"])
        return loss, apart(theta, psi) if player == "discriminator" else {}
