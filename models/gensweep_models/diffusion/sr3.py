"""SR3: super-resolution by iterative refinement (Saharia et al., arXiv:2104.07636).

B batch, C channels, H height, W width.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn

from gensweep_models.config import fixed, lane, sampling
from gensweep_models.diffusion.ddpm import SAMPLE_STEPS
from gensweep_models.diffusion.denoising import Diffusion, DiffusionConfig, Sampler, Variance
from gensweep_models.diffusion.noise_levels import level_losses
from gensweep_models.diffusion.process import beside
from gensweep_models.diffusion.super_resolution import SuperResolution, check_sides
from gensweep_models.game import DataShape, Loss, Nets, Noise, Tensors
from gensweep_models.nets.unet import UNet
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class Sr3Config(DiffusionConfig):
    """Settings of an SR3; the paper's, but for the network's size, no dropout and fewer steps."""

    learning_rate: float = lane(1e-4, above=0)
    steps: int = fixed(1000, "T", at_least=20)
    variance: Variance = fixed("large", "of an ancestral step", choices=("small", "large"))
    sampler: Sampler = sampling("ancestral", "process of sampling", choices=get_args(Sampler))
    factor: int = fixed(4, "by which sides grow", at_least=2)
    norm: int = fixed(1, "p of the error, |.|^p", choices=(1, 2))


SR3_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "norm": Categorical((1, 2)),
    "sampler": Categorical(get_args(Sampler)),
    "channels": Categorical((16, 32)),
    "sample_steps": SAMPLE_STEPS,
}


class Sr3(Diffusion, SuperResolution):
    """A denoiser of images that is shown them at a `factor`-th of their sides."""

    def __init__(self, config: Sr3Config, data: DataShape) -> None:
        check_sides(config.factor, data)
        super().__init__(config, data)

    def network(self) -> nn.Module:
        """A U-Net that sees the noisy image and the enlarged one."""
        c = self.config
        return UNet(self.shape, c.channels, c.attention, inputs=2 * self.shape[0])

    def corruption(self, batch: int) -> dict[str, Noise]:
        """Noise, times and levels between them."""
        return super().corruption(batch) | {"level": Noise((batch,), "uniform")}

    def told(self, batch: Tensors, noise: Tensors) -> dict[str, Tensor]:
        """The small images of examples, which the network is shown."""
        return {"small": self.shrunk(batch["x"])}

    def _noise(self, nets: Nets, noisy: Tensor, kept: Tensor, told: Tensors) -> Tensor:
        """The predicted noise; the network is told the root of the share `kept` [B], not a time."""
        seen = torch.cat([noisy, self.grown(told["small"])], 1)
        more = [told["augmented"]] if "augmented" in told else []
        out: Tensor = nets["denoiser"](seen, kept.sqrt().to(noisy.dtype), *more)
        return out

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Error of the predicted noise, at levels that are uniform within steps; equation 6."""
        x, t = batch["x"], self.times(noise["t"])
        ends = self.schedule.alpha_bar(t - 1), self.schedule.alpha_bar(t)
        kept = torch.lerp(*ends, noise["level"].double())
        share = beside(kept, x)
        noisy = (share.sqrt() * x + (1 - share).sqrt() * noise["epsilon"]).to(x.dtype)
        error = self._noise(nets, noisy, kept, self.told(batch, noise)) - noise["epsilon"]
        errors = error.abs().pow(self.config.norm)
        return errors.mean(), level_losses(errors, self.level(t))

    def predict(
        self, nets: Nets, x: Tensor, t: Tensor, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """x0 of the predicted noise."""
        told = told if "small" in told else self.told(told, {})
        predicted = self._noise(nets, x, self.schedule.alpha_bar(t), told)
        return self.schedule.predicted(x, t, predicted), None
