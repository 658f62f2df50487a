"""DDPM: denoising diffusion (Ho et al., arXiv:2006.11239), sampled by it or by DDIM (2010.02502).

B batch, T diffusion steps.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Any, get_args

from torch import Tensor, nn

from gensweep_models.config import check, fixed, lane
from gensweep_models.diffusion.denoising import DiffusionConfig
from gensweep_models.diffusion.inversion import Inverted
from gensweep_models.diffusion.likelihood import Bounded
from gensweep_models.diffusion.noise_levels import level_losses
from gensweep_models.diffusion.process import Target
from gensweep_models.game import DataShape, Loss, Nets, Tensors
from gensweep_models.nets.unet import PointDenoiser, UNet
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class DdpmConfig(DiffusionConfig):
    """Settings of a DDPM."""

    target: Target = fixed(
        "epsilon", "what the network predicts; v for points under the cosine schedule",
        choices=get_args(Target),
    )  # fmt: skip
    bound_weight: float = lane(
        1e-3, "of the variational bound in bits/dim; where the variance is learned", at_least=0
    )
    hidden: int = fixed(128, "units of the MLP; points", at_least=1)
    layers: int = fixed(3, "hidden layers of the MLP; points", at_least=1)


SAMPLE_STEPS = Categorical((10, 25, 50, 100))
"""Evaluations a sample that are searched; none is above the T of any entry's defaults."""
DDPM_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "ema": Categorical((0.9, 0.99, 0.999)),
    "channels": Categorical((16, 32)),
    "truncation": Real(0.3, 5.0),
    "sample_steps": SAMPLE_STEPS,
}


class Ddpm(Inverted, Bounded):
    """A network that predicts the noise in noisy data, the data, or a mixture of both."""

    condition = 0
    """Size of what the network is told beside the time."""

    def __init__(self, config: Any, data: DataShape) -> None:
        super().__init__(config, data)
        c = config
        # At the first time next to no data is left: of the noise, x0 is known to a factor of
        # hundreds, and nothing clips points.
        unsure = (c.noise_schedule, c.target, c.sampler) == ("cosine", "epsilon", "ddim")
        check(
            self.image or not unsure,
            "target is v, or sampler ancestral, for points under the cosine schedule",
            target=c.target, sampler=c.sampler,
        )  # fmt: skip

    def network(self) -> nn.Module:
        """A U-Net for images, an MLP for points; twice the outputs for a learned variance."""
        c, parts = self.config, 2 if self.config.variance == "learned" else 1
        if self.image:
            outputs = parts * self.shape[0]
            return UNet(
                self.shape, c.channels, c.attention, outputs=outputs, condition=self.condition
            )
        size = prod(self.shape)
        return PointDenoiser(size, c.hidden, c.layers, parts * size, self.condition)

    def output(
        self, nets: Nets, x: Tensor, t: Tensor, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """The network's prediction at times `t` of T, and a learned variance between bounds."""
        out = self.called(nets, x, t / self.config.steps, told)
        if self.config.variance != "learned":
            return out, None
        out, between = out.chunk(2, 1)
        return out, (2 * between).sigmoid()

    def called(self, nets: Nets, x: Tensor, time: Tensor, told: Tensors) -> Tensor:
        """The network's output for noisy data and times in [0, 1]."""
        out: Tensor = nets["denoiser"](x, time)
        return out

    def told(self, batch: Tensors, noise: Tensors, hyper: Tensors) -> dict[str, Tensor]:
        """Columns that the network is told beside the noisy examples in training: none."""
        return {}

    def predict(
        self, nets: Nets, x: Tensor, t: Tensor, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """x0 of what the network predicts, and a learned variance."""
        out, between = self.output(nets, x, t, told)
        return self.schedule.denoised(self.config.target, x, t, out), between

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean squared error of the target at uniform times; eq. 14.

        A learned variance adds the bound of the mean as it is: L_hybrid, arXiv:2102.09672, eq. 16.
        """
        x, t = batch["x"], self.times(noise["t"])
        noisy = self.schedule.marginal(x, t, noise["epsilon"])
        out, between = self.output(nets, noisy, t, self.told(batch, noise, hyper))
        error = out - self.schedule.target(self.config.target, x, t, noise["epsilon"])
        squared = error.square()
        simple, metrics = squared.mean(), level_losses(squared, self.level(t))
        if between is None:
            return simple, metrics
        x0 = self.schedule.denoised(self.config.target, noisy, t, out.detach())
        gaps = self.bits_per_dim(self.gap(x, noisy, t, x0, between))
        bound = self.config.steps * gaps.mean()
        return simple + hyper["bound_weight"] * bound, metrics | {"bound": bound.detach()}
