"""SR3: super-resolution by iterative refinement (Saharia et al., arXiv:2104.07636).

B batch, C channels, H height, W width.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gensweep_models.config import check, fixed, lane, sampling
from gensweep_models.diffusion.denoising import Diffusion, DiffusionConfig, Sampler, Variance
from gensweep_models.diffusion.process import beside
from gensweep_models.game import DataShape, Loss, Nets, Noise, Tensors
from gensweep_models.nets.unet import UNet
from gensweep_models.scores import psnr, squared_error, ssim
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
}


class Sr3(Diffusion):
    """A denoiser of images that is shown them at a `factor`-th of their sides.

    The small image is the mean of blocks of an example's pixels, and all that samples know of the
    example which they are given.
    """

    given = ("x",)
    score_names = ("psnr", "ssim", "gain_over_bicubic", "consistency_error")

    def __init__(self, config: Sr3Config, data: DataShape) -> None:
        shape, factor = tuple(data.shape), config.factor
        fits = len(shape) == 3 and not any(side % factor for side in shape[1:])
        check(fits, "images have sides that the factor divides", factor=factor, shape=shape)
        super().__init__(config, data)

    def network(self) -> nn.Module:
        """A U-Net that sees the noisy image and the enlarged one."""
        c = self.config
        return UNet(self.shape, c.channels, c.attention, inputs=2 * self.shape[0])

    def corruption(self, batch: int) -> dict[str, Noise]:
        """Noise, times and levels between them."""
        return super().corruption(batch) | {"level": Noise((batch,), "uniform")}

    def shrunk(self, x: Tensor) -> Tensor:
        """The small image [B, C, H / factor, W / factor]."""
        return avg_pool2d(x, self.config.factor)

    def enlarged(self, x: Tensor) -> Tensor:
        """`x` made small, then as large again by bicubic interpolation, in [-1, 1]."""
        small = self.shrunk(x)
        return interpolate(small, x.shape[-2:], mode="bicubic", align_corners=False).clamp(-1, 1)

    def _noise(self, nets: Nets, noisy: Tensor, kept: Tensor, x: Tensor) -> Tensor:
        """The predicted noise; the network is told the root of the share `kept` [B], not a time."""
        seen = torch.cat([noisy, self.enlarged(x)], 1)
        out: Tensor = nets["denoiser"](seen, kept.sqrt().to(x.dtype))
        return out

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Error of the predicted noise, at levels that are uniform within steps; equation 6."""
        x, t = batch["x"], self.times(noise["t"])
        ends = self.schedule.alpha_bar(t - 1), self.schedule.alpha_bar(t)
        kept = torch.lerp(*ends, noise["level"].double())
        share = beside(kept, x)
        noisy = (share.sqrt() * x + (1 - share).sqrt() * noise["epsilon"]).to(x.dtype)
        error = self._noise(nets, noisy, kept, x) - noise["epsilon"]
        return error.abs().pow(self.config.norm).mean(), {}

    def predict(
        self, nets: Nets, x: Tensor, t: Tensor, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """x0 of the predicted noise."""
        predicted = self._noise(nets, x, self.schedule.alpha_bar(t), told["x"])
        return self.schedule.predicted(x, t, predicted), None

    def reconstruct_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `reconstruct`, as of samples."""
        return self.sample_noise(batch)

    def reconstruct(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Tensors
    ) -> Tensor:
        """A sample [B, C, H, W] for each example's small image."""
        return self.sample(nets, noise, hyper, {"x": x})

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`, as of samples."""
        return self.sample_noise(batch)

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors, told: Tensors
    ) -> dict[str, Tensor]:
        """Nearness of samples to the examples, and the gain over bicubic ones: [B] each."""
        x = batch["x"]
        found = self.sample(nets, noise, hyper, {"x": x})
        return {
            "psnr": psnr(x, found),
            "ssim": ssim(x, found),
            "gain_over_bicubic": psnr(x, found) - psnr(x, self.enlarged(x)),
            "consistency_error": squared_error(self.shrunk(x), self.shrunk(found)),
        }
