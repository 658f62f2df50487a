"""Penalties on the gradient of a critic: where it is taken, and what is asked of its norm there.

B batch; a critic maps examples [B, *shape] to a score each. Each penalty is a scalar.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gensweep_models.adversarial.cures import pack
from gensweep_models.game import Noise, Tensors

PenaltyName = Literal["gradient", "dragan", "zero_centred", "r1", "r2", "r1_r2", "max_gradient"]
Critic = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Penalty:
    """The sum, over sets of `points`, of a `law` of the squared norms [B] of the gradient there.

    Points are made of real examples, samples, and the numbers that `draws` names: epsilon is one of
    each example, direction one of each of its numbers, uniform in [0, 1).
    """

    points: Callable[[Tensor, Tensor, Tensors], tuple[Tensor, ...]]
    law: Callable[[Tensor], Tensor]
    draws: tuple[str, ...] = ()

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor, drawn: Tensors) -> Tensor:
        points = self.points(real, fake, drawn)
        return torch.stack([self.law(squared_slopes(critic, x)) for x in points]).sum()

    def noise(self, batch: int, shape: tuple[int, ...]) -> dict[str, Noise]:
        """Return what must be drawn for a batch of examples of a shape, by name."""
        shapes = {"epsilon": (1,) * len(shape), "direction": shape}
        return {name: Noise((batch, *shapes[name]), "uniform") for name in self.draws}

    def drawn(self, noise: Tensors, packing: int) -> Tensors:
        """Return the numbers that were drawn, as those of `packing` examples scored together."""
        parts = {name: pack(noise[name], packing) for name in self.draws}
        one = {"epsilon": noise["epsilon"][::packing]} if "epsilon" in self.draws else {}
        return parts | one


def squared_slopes(critic: Critic, x: Tensor) -> Tensor:
    """Return the squared norm of the critic's gradient at each example, [B]."""
    # torch.autograd.grad does not compose with vmap's outer transforms; torch.func does
    gradient: Tensor = torch.func.grad(lambda at: critic(at).sum())(x)
    return gradient.flatten(1).square().sum(1)


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """E (||grad C(x)|| - 1)^2 between real and fake. WGAN-GP, arXiv:1704.00028, equation 3."""
    return PENALTIES["gradient"](critic, real, fake, {"epsilon": epsilon})


def _between(real: Tensor, fake: Tensor, drawn: Tensors) -> tuple[Tensor, ...]:
    epsilon = drawn["epsilon"]
    return (epsilon * real + (1 - epsilon) * fake,)


def _around(real: Tensor, fake: Tensor, drawn: Tensors) -> tuple[Tensor, ...]:
    """Part of the way to x + std(x) / 2 times uniform numbers, as in the authors' code."""
    return (real + drawn["epsilon"] * (real.std() / 2 * drawn["direction"]),)


def _unit(squared: Tensor) -> Tensor:
    # the root of 0 has no gradient
    return ((squared + 1e-12).sqrt() - 1).square().mean()


def _half(squared: Tensor) -> Tensor:
    return squared.mean() / 2


PENALTIES: dict[PenaltyName, Penalty] = {
    "gradient": Penalty(_between, _unit, ("epsilon",)),
    "dragan": Penalty(_around, _unit, ("epsilon", "direction")),
    "zero_centred": Penalty(_between, torch.mean, ("epsilon",)),
    "r1": Penalty(lambda real, fake, _: (real,), _half),
    "r2": Penalty(lambda real, fake, _: (fake,), _half),
    "r1_r2": Penalty(lambda real, fake, _: (real, fake), _half),
    "max_gradient": Penalty(_between, torch.amax, ("epsilon",)),
}
"""WGAN-GP, arXiv:1704.00028; DRAGAN, arXiv:1705.07215; 0-GP, arXiv:1902.03984; R1 and R2 on data
and samples, arXiv:1801.04406, equations 9 and 10, both in R3GAN, arXiv:2501.05441; the largest
slope between data and samples in LGAN, arXiv:1807.00751."""
