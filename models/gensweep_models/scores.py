"""Scores of single examples: how near an image is to another. B batch; images are in [-1, 1]."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

WINDOW = 7
"""Pixels of the side of a window of SSIM, as in scikit-image."""
IMAGE_SCORES = ("reconstruction_error", "psnr", "ssim")
"""What is told of a model that reconstructs images."""
RANGE = 2.0
"""Between the darkest and the lightest pixel."""


def reconstruction_scores(x: Tensor, y: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
    """Score reconstructions `y` of examples `x` by each of the `names`: [B]."""
    known = {"reconstruction_error": squared_error, "psnr": psnr, "ssim": ssim}
    return {name: known[name](x, y) for name in names}


def squared_error(x: Tensor, y: Tensor) -> Tensor:
    """Mean over an example's numbers of the squared difference: [B]."""
    return (x - y).square().flatten(1).mean(1)


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB: [B]. Of equal images it is that of float32's rounding.

    >>> round(float(psnr(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.2))), 2)
    20.0
    """
    return 10 * torch.log10(RANGE**2 / squared_error(x, y).clamp(min=1e-12))


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Structural similarity [B] of images [B, C, H, W], averaged over windows and channels.

    Wang et al. 2004, doi:10.1109/TIP.2003.819861, equation 13, in uniform windows of `WINDOW`
    pixels with unbiased variances, as scikit-image has it, of pixels that begin at 0.
    """
    x, y = x + 1, y + 1
    c1, c2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    mean_x, mean_y = _window_means(x), _window_means(y)
    var_x = unbiased * (_window_means(x * x) - mean_x * mean_x)
    var_y = unbiased * (_window_means(y * y) - mean_y * mean_y)
    covariance = unbiased * (_window_means(x * y) - mean_x * mean_y)
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    most = (mean_x * mean_x + mean_y * mean_y + c1) * (var_x + var_y + c2)
    return (likeness / most).flatten(1).mean(1)


def _window_means(x: Tensor) -> Tensor:
    return avg_pool2d(x, WINDOW, stride=1)
