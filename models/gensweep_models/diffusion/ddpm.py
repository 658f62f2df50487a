"""DDPM: denoising diffusion (Ho et al., arXiv:2006.11239), sampled by it or by DDIM (2010.02502).

B batch, T diffusion steps.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.truncation import truncated_normal, truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane, sampling
from gensweep_models.diffusion.process import Schedule
from gensweep_models.game import DataShape, Loss, Nets, Noise, OptimizerName, Player, Tensors
from gensweep_models.nets.unet import PointDenoiser, UNet
from gensweep_models.random import fold, normal
from gensweep_models.space import Categorical, Dimension, Real
from gensweep_models.stepped import Stepped

Sampler = Literal["ancestral", "ddim"]
IMAGE_STEPS = 25
"""Of sampling images by default: narrow modes of points need every step, digits do not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DdpmConfig(BaseConfig):
    """Settings of a DDPM."""

    ema: float = lane(
        0.999, "decay of the averaged weights that samples are drawn with", at_least=0, below=1
    )
    truncation: float = truncation_field(5.0, "bound on the noise that sampling starts from")
    steps: int = fixed(100, "T; the betas scale with 1 / T", at_least=20)
    sampler: Sampler = sampling("ddim", "process of sampling", choices=get_args(Sampler))
    sample_steps: int = sampling(
        0, "network evaluations a sample; 0: 25 for images, T for points", at_least=0
    )
    channels: int = fixed(32, "of the U-Net's largest maps; images", at_least=1)
    attention: bool = fixed(False, "at the U-Net's smallest maps")
    hidden: int = fixed(128, "units of the MLP; points", at_least=1)
    layers: int = fixed(3, "hidden layers of the MLP; points", at_least=1)
    optimizer: OptimizerName = fixed("adam", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")

    def check_relations(self) -> None:
        """Raise ValueError for more steps of sampling than there are of diffusion."""
        few, all_ = self.sample_steps, self.steps
        check(few <= all_, "sample_steps <= steps", sample_steps=few, steps=all_)


DDPM_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "ema": Categorical((0.9, 0.99, 0.999)),
    "channels": Categorical((16, 32)),
    "truncation": Real(0.3, 5.0),
}


class Ddpm(Stepped):
    """A network that predicts the noise in noisy data. Images are clipped to [-1, 1]."""

    def __init__(self, config: DdpmConfig, data: DataShape) -> None:
        self.config, self.shape, self.image = config, data.shape, len(data.shape) == 3
        self.schedule = Schedule(config.steps)
        few = min(IMAGE_STEPS, config.steps)
        self.sample_steps = config.sample_steps or (few if self.image else config.steps)
        c, rate = config, "linear" if config.decay else "constant"
        self.players = {"denoiser": Player(self._denoiser, c.optimizer, schedule=rate, ema="ema")}
        self.noise = {
            "denoiser": {
                "epsilon": Noise((c.batch_size, *data.shape)),
                "t": Noise((c.batch_size,), "uniform"),
            }
        }

    def _denoiser(self) -> nn.Module:
        c = self.config
        if self.image:
            return UNet(self.shape, c.channels, c.attention)
        return PointDenoiser(prod(self.shape), c.hidden, c.layers)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean squared error of the predicted noise at uniform times; eq. 14."""
        steps = self.config.steps
        t = (noise["t"] * steps).long().clamp(max=steps - 1) + 1
        noisy = self.schedule.marginal(batch["x"], t, noise["epsilon"])
        error = nets["denoiser"](noisy, t / steps) - noise["epsilon"]
        return error.square().mean(), {}

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise for the start; for the ancestral sampler also a key for that of steps."""
        start = {"z": Noise((count, prod(self.shape)), "uniform")}
        if self.config.sampler == "ddim":
            return start
        return start | {"steps": Noise((count,), "key")}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """The start [count, *shape], truncated to ±hyper["truncation"]."""
        return truncated_normal(noise["z"], hyper["truncation"]).reshape(-1, *self.shape)

    def sample_step(
        self, nets: Nets, x: Tensor, step: Tensor, noise: Tensors, hyper: Tensors
    ) -> Tensor:
        """Less noisy data [count, *shape], at the next of the sampler's times."""
        times = torch.tensor(self.schedule.times(self.sample_steps), device=x.device)
        t, s = times[step.expand(len(x))], times[step.expand(len(x)) + 1]
        x0 = self._denoised(nets, x, t)
        if self.config.sampler == "ddim":
            return self.schedule.ddim(x0, x, t, s)
        mean, variance = self.schedule.posterior(x0, x, t, s)
        return mean + variance.sqrt() * normal(fold(noise["steps"], step), self.shape)

    def sample_end(self, nets: Nets, x: Tensor, hyper: Tensors) -> Tensor:
        """The last state, [count, *shape]."""
        return x

    def _denoised(self, nets: Nets, x: Tensor, t: Tensor) -> Tensor:
        x0 = self.schedule.predicted(x, t, nets["denoiser"](x, t / self.config.steps))
        return x0.clamp(-1, 1) if self.image else x0
