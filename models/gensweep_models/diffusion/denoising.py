"""What diffusions share: a network that removes noise, trained at random times, and its samplers.

B batch, T diffusion steps.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.truncation import truncated_normal, truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane, sampling
from gensweep_models.diffusion.process import NoiseSchedule, Schedule, beside
from gensweep_models.game import DataShape, Nets, Noise, OptimizerName, Player, Tensors
from gensweep_models.random import fold, normal
from gensweep_models.stepped import Stepped

Sampler = Literal["ancestral", "ddim"]
Variance = Literal["small", "large", "learned"]
IMAGE_STEPS, POINT_STEPS = 25, 100
"""Of sampling by default: narrow modes of points need many, digits do not."""
STEPS = (5, 10, 20)
"""Along which fidelity is measured against variety."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiffusionConfig(BaseConfig):
    """Settings that every diffusion has."""

    ema: float = lane(
        0.999, "decay of the averaged weights that samples are drawn with", at_least=0, below=1
    )
    truncation: float = truncation_field(5.0, "bound on the noise that sampling starts from")
    steps: int = fixed(100, "T; the linear betas scale with 1 / T", at_least=20)
    noise_schedule: NoiseSchedule = fixed("linear", choices=get_args(NoiseSchedule))
    variance: Variance = fixed(
        "small", "of an ancestral step: the posterior's, the forward step's, or learned",
        choices=get_args(Variance),
    )  # fmt: skip
    sampler: Sampler = sampling("ddim", "process of sampling", choices=get_args(Sampler))
    sample_steps: int = sampling(
        0, "network evaluations a sample; 0: 25 for images, 100 for points, at most T",
        grid=STEPS, log=True, at_least=0,
    )  # fmt: skip
    channels: int = fixed(32, "of the U-Net's largest maps; images", at_least=1)
    attention: bool = fixed(False, "at the U-Net's smallest maps")
    optimizer: OptimizerName = fixed("adam", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")

    def check_relations(self) -> None:
        """Raise ValueError for more steps of sampling than there are of diffusion."""
        few, all_ = self.sample_steps, self.steps
        check(few <= all_, "sample_steps <= steps", sample_steps=few, steps=all_)


class Diffusion(Stepped, ABC):
    """A player, "denoiser", whose x0 the samplers go by. Images are clipped to [-1, 1]."""

    def __init__(self, config: Any, data: DataShape) -> None:
        self.config, self.shape, self.image = config, tuple(data.shape), len(data.shape) == 3
        self.schedule = Schedule(config.steps, config.noise_schedule)
        few = min(IMAGE_STEPS if self.image else POINT_STEPS, config.steps)
        self.sample_steps = config.sample_steps or few
        self.players = {"denoiser": self.player(self.network)}
        self.noise = {"denoiser": self.corruption(config.batch_size)}

    def player(self, build: Callable[[], nn.Module], rate: str = "learning_rate") -> Player:
        """A player with the configuration's optimiser, schedule and average."""
        c, schedule = self.config, "linear" if self.config.decay else "constant"
        return Player(build, c.optimizer, rate, schedule=schedule, ema="ema")

    @abstractmethod
    def network(self) -> nn.Module:
        """Build the denoiser."""

    @abstractmethod
    def predict(
        self, nets: Nets, x: Tensor, t: Tensor, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """x0 [B, *shape] as predicted of noisy data at times `t` [B] of T.

        With it, where the variance is learned, that between its bounds: 0 the least, 1 the most.
        """

    def corruption(self, batch: int) -> dict[str, Noise]:
        """Noise and uniform times of training."""
        return {"epsilon": Noise((batch, *self.shape)), "t": Noise((batch,), "uniform")}

    def times(self, uniform: Tensor) -> Tensor:
        """Times [B] in 1 .. T of uniform numbers."""
        steps = self.config.steps
        before: Tensor = (uniform * steps).long()
        return before.clamp(max=steps - 1) + 1

    def level(self, t: Tensor) -> Tensor:
        """Levels of noise, from 0 on and below 1, of times `t` [B] in 1 .. T."""
        before: Tensor = (t - 1) / self.config.steps
        return before

    def denoised(
        self, nets: Nets, x: Tensor, t: Tensor, hyper: Tensors, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """`predict` as samplers use it."""
        x0, between = self.predict(nets, x, t, told)
        return self.clipped(x0), between

    def clipped(self, x0: Tensor) -> Tensor:
        """Images in [-1, 1], points as they are."""
        return x0.clamp(-1, 1) if self.image else x0

    def log_variance(self, x: Tensor, t: Tensor, s: Tensor, between: Tensor | None) -> Tensor:
        """Of the model's xs given xt; arXiv:2102.09672, equation 15."""
        least, most = (v.log() for v in self.schedule.variances(t, s, x))
        if between is not None:
            return between * most + (1 - between) * least
        if self.config.variance == "small":
            return least
        # too large for a decoder of grey levels: the code of arXiv:2006.11239 has the least there
        return torch.where(beside(s > 0, x), most, least) if self.image else most

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise for the start; for the ancestral sampler also a key for that of steps."""
        start = {"z": Noise((count, prod(self.shape)), "uniform")}
        if self.config.sampler == "ddim":
            return start
        return start | {"steps": Noise((count,), "key")}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors, told: Any = None) -> Tensor:
        """The start [count, *shape], truncated to ±hyper["truncation"]."""
        return truncated_normal(noise["z"], hyper["truncation"]).reshape(-1, *self.shape)

    def sample_step(
        self, nets: Nets, x: Tensor, step: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> Tensor:
        """Less noisy data [count, *shape], at the next of the sampler's times."""
        times = torch.tensor(self.schedule.times(self.sample_steps), device=x.device)
        t, s = times[step.expand(len(x))], times[step.expand(len(x)) + 1]
        x0, between = self.denoised(nets, x, t, hyper, told or {})
        if self.config.sampler == "ddim":
            return self.schedule.ddim(x0, x, t, s)
        mean, variance = self.schedule.posterior(x0, x, t, s)
        if self.config.variance != "small":
            variance = self.log_variance(x, t, s, between).exp()
        mean = self.shifted(nets, mean, variance, x, t, hyper, told or {})
        noisy = mean + variance.sqrt() * normal(fold(noise["steps"], step), self.shape)
        return torch.where(beside(s > 0, x), noisy, mean)

    def shifted(
        self, nets: Nets, mean: Tensor, variance: Tensor, x: Tensor, t: Tensor, hyper: Tensors,
        told: Tensors,
    ) -> Tensor:  # fmt: skip
        """The mean of an ancestral step from `x`, as whatever guides it leaves it."""
        return mean

    def sample_end(self, nets: Nets, x: Tensor, hyper: Tensors, told: Any = None) -> Tensor:
        """The last state, [count, *shape]."""
        return x
