"""What models that enlarge images share: the small image, and scores beside bicubic interpolation.

B batch, C channels, H height, W width.
"""

from typing import Any

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from gensweep_models.config import check
from gensweep_models.game import DataShape, Nets, Noise, Tensors
from gensweep_models.scores import psnr, squared_error, ssim
from gensweep_models.stepped import Stepped


def check_sides(factor: int, data: DataShape) -> None:
    """Raise ValueError unless data are images with sides that the factor divides."""
    shape = tuple(data.shape)
    fits = len(shape) == 3 and not any(side % factor for side in shape[1:])
    check(fits, "images have sides that the factor divides", factor=factor, shape=shape)


class SuperResolution(Stepped):
    """A game whose samples are of small images, at a `factor`-th of the examples' sides.

    The small image is the mean of blocks of an example's pixels, and all that samples know of the
    example which they are given.
    """

    config: Any
    shape: tuple[int, ...]
    sample_noise: Any
    given = ("x",)
    score_names = (
        "psnr", "ssim", "gain_over_bicubic", "ssim_gain_over_bicubic", "consistency_error"
    )  # fmt: skip

    def shrunk(self, x: Tensor) -> Tensor:
        """The small image [B, C, H / factor, W / factor]."""
        return avg_pool2d(x, self.config.factor)

    def enlarged(self, x: Tensor) -> Tensor:
        """`x` made small, then as large again, in [-1, 1]."""
        return self.grown(self.shrunk(x))

    def grown(self, small: Tensor) -> Tensor:
        """Images [B, C, H, W] of small ones by bicubic interpolation, in [-1, 1]."""
        sides = self.shape[1:]
        return interpolate(small, sides, mode="bicubic", align_corners=False).clamp(-1, 1)

    def shrink(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Tensors
    ) -> Tensor:
        """The small images of examples."""
        return self.shrunk(x)

    def reconstruct_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `reconstruct`, as of samples."""
        noise: dict[str, Noise] = self.sample_noise(batch)
        return noise

    def reconstruct(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Tensors
    ) -> Tensor:
        """A sample [B, C, H, W] for each example's small image."""
        return self.sample(nets, noise, hyper, {"x": x})

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`, as of samples."""
        return self.reconstruct_noise(batch)

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors, told: Tensors
    ) -> dict[str, Tensor]:
        """Nearness of samples to the examples, and the gain over bicubic ones: [B] each."""
        x = batch["x"]
        found, bicubic = self.sample(nets, noise, hyper, {"x": x}), self.enlarged(x)
        near, alike = psnr(x, found), ssim(x, found)
        return {
            "psnr": near,
            "ssim": alike,
            "gain_over_bicubic": near - psnr(x, bicubic),
            "ssim_gain_over_bicubic": alike - ssim(x, bicubic),
            "consistency_error": squared_error(self.shrunk(x), self.shrunk(found)),
        }
