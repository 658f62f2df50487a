"""Games of two numbers, each player's one, from many starts in the plane at once.

N starts: evenly around the unit circle about the equilibrium, which is the origin; they do not
meet, so that the losses of all are sums of N games. Batches are not looked at: a step is a step.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil, pi, prod
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.config import BaseConfig, fixed, lane
from gensweep_models.game import DataShape, Nets, Noise, Player, Tensors

Order = Literal["at_once", "in_turn", "extragradient"]
Losses = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""Both players' losses of their numbers [N], scalars."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaneConfig(BaseConfig):
    """Settings of a game in the plane; those of `BaseConfig` that it does not name are ignored."""

    learning_rate: float = lane(0.1, above=0)
    batch_size: int = fixed(1, "images that a step counts in the budget", at_least=1)
    order: Order = fixed("at_once", "in which the players step", choices=get_args(Order))
    starts: int = fixed(32, "points of the circle that are begun from", at_least=1)


class Coordinate(nn.Module):
    """The first (cosine) or second (sine) coordinate [N] of the starts; of one: both are equal."""

    def __init__(self, starts: int, wave: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        angles = pi / 4 + 2 * pi * torch.arange(starts, dtype=torch.float64) / starts
        self.values = nn.Parameter(wave(angles).float())

    def forward(self) -> Tensor:
        """The numbers as they are now, [N]."""
        return self.values


def gradients_energy(losses: Losses, x: Tensor, y: Tensor) -> Tensor:
    """Half the squared norm of the gradients, each player's of its own loss.

    Added to both losses it makes consensus optimisation; arXiv:1705.10461.
    """
    of_x = torch.func.grad(lambda at: losses(at, y)[0])(x)
    of_y = torch.func.grad(lambda at: losses(x, at)[1])(y)
    energy: Tensor = (of_x.square().sum() + of_y.square().sum()) / 2
    return energy


class PlaneGame:
    """Base of such games, to which losses are due: players, their points, samples and scores."""

    score_names = ("distance",)
    verdict_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {"distance": (0.01, 100.0)}
    """Converged at a hundredth of the distance at the start, diverged at a hundred times."""

    def __init__(
        self, config: PlaneConfig, data: DataShape, names: tuple[str, str], **player: Any
    ) -> None:
        self.config, self.shape, self.order = config, data.shape, config.order
        builds = (partial(Coordinate, config.starts, wave) for wave in (torch.cos, torch.sin))
        self.players = {name: Player(build, **player)
                        for name, build in zip(names, builds, strict=True)}  # fmt: skip
        self.noise: dict[str, dict[str, Noise]] = {name: {} for name in names}

    def points(self, nets: Nets) -> Tensor:
        """Points at which the games are by now, [N, 2]."""
        return torch.stack([nets[name]() for name in self.players], -1)

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Root mean square distance of the points from the equilibrium, the same for all [B]."""
        distance = self.points(nets).square().sum(1).mean().sqrt()
        return {"distance": distance.expand(len(batch["x"]))}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Noise that chooses points, so many for a sample as its numbers need."""
        return {"which": Noise((count, ceil(prod(self.shape) / 2)), "uniform")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Points by chance, [count, *shape]; an image shows the coordinates of several, clipped."""
        size = self.config.starts
        which = (noise["which"] * size).long().clamp(max=size - 1)
        numbers = self.points(nets)[which].flatten(1)[:, : prod(self.shape)]
        samples = numbers.reshape(-1, *self.shape)
        return samples.clamp(-1, 1) if len(self.shape) == 3 else samples
