"""Rectified flow: straight paths from noise to data (Liu et al., arXiv:2209.03003)."""

# ruff: noqa: RUF009 (`sampling` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.config import BaseConfig, fixed, sampling
from gensweep_models.diffusion.noise_levels import level_losses
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.unet import PointDenoiser, UNet
from gensweep_models.space import Categorical, Dimension, Real
from gensweep_models.stepped import Stepped

Solver = Literal["euler", "midpoint"]
STEPS = (2, 5, 10, 25)
"""Along which fidelity is measured against variety."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RectifiedFlowConfig(BaseConfig):
    """Settings of a rectified flow."""

    steps: int = sampling(
        25, "steps of a sample; those of midpoint cost two", grid=STEPS, log=True, at_least=1
    )
    solver: Solver = sampling("euler", "of the differential equation", choices=get_args(Solver))
    channels: int = fixed(32, "of the U-Net's largest maps; images", at_least=1)
    hidden: int = fixed(128, "units of the MLP; points", at_least=1)
    layers: int = fixed(3, "hidden layers of the MLP; points", at_least=1)


RATE, WIDTH = Real(1e-5, 1e-2, log=True), Categorical((16, 32))
NUMBERS_OF_STEPS = Categorical((5, 10, 25))
RECTIFIED_FLOW_SPACE: dict[str, Dimension] = {
    "learning_rate": RATE,
    "channels": WIDTH,
    "steps": NUMBERS_OF_STEPS,
}


class RectifiedFlow(Stepped):
    """A network that predicts the velocity x - z on the way from noise z to data x."""

    def __init__(self, config: RectifiedFlowConfig, data: DataShape) -> None:
        self.config, self.shape, self.sample_steps = config, data.shape, config.steps
        self.players = {"velocity": Player(self._net, ema=config.ema, schedule="linear")}
        z, t = Noise((config.batch_size, *data.shape)), Noise((config.batch_size,), "uniform")
        self.noise = {"velocity": {"z": z, "t": t}}

    def _net(self) -> nn.Module:
        c = self.config
        if len(self.shape) == 3:
            return UNet(self.shape, c.channels, attention=False)
        return PointDenoiser(prod(self.shape), c.hidden, c.layers)

    def path(self, x: Tensor, z: Tensor, t: Tensor, hyper: Tensors) -> tuple[Tensor, Tensor]:
        """Points at times `t` in [0, 1] on straight ways from `z` to `x`, and their velocities."""
        return torch.lerp(z, x, t), x - z

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean squared error of the velocity at uniform times; equation 1."""
        t = noise["t"]
        weight = t.reshape(-1, *[1] * len(self.shape))
        point, velocity = self.path(batch["x"], noise["z"], weight, hyper)
        errors = (nets["velocity"](point, t) - velocity).square()
        return errors.mean(), level_losses(errors, 1 - t)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Noise that a sample starts from."""
        return {"z": Noise((count, *self.shape))}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """The noise."""
        return noise["z"]

    def sample_step(
        self, nets: Nets, x: Tensor, step: Tensor, noise: Tensors, hyper: Tensors
    ) -> Tensor:
        """Points [count, *shape] at the next time: by the velocity here, or by that halfway."""
        velocity = self._velocity(nets, x, step)
        if self.config.solver == "midpoint":
            velocity = self._velocity(nets, x + velocity / (2 * self.sample_steps), step + 0.5)
        return x + velocity / self.sample_steps

    def _velocity(self, nets: Nets, x: Tensor, step: Tensor) -> Tensor:
        velocity: Tensor = nets["velocity"](x, (step / self.sample_steps).expand(len(x)))
        return velocity

    def sample_end(self, nets: Nets, x: Tensor, hyper: Tensors) -> Tensor:
        """The last points; images in [-1, 1]."""
        return x.clamp(-1, 1) if len(self.shape) == 3 else x
