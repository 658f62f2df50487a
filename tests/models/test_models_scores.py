"""Scores of images by their definitions."""

import math

import pytest
import torch
from torch.nn.functional import unfold
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from gensweep_models.scores import WINDOW, psnr, reconstruction_scores, squared_error, ssim


def images(seed: int, channels: int = 2) -> torch.Tensor:
    source = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(3, channels, 9, 11, generator=source) - 1


def test_psnr_is_of_the_range_of_two() -> None:
    x, y = images(0), images(1)
    errors = [(a - b).square().mean().item() for a, b in zip(x, y, strict=True)]
    assert psnr(x, y).tolist() == pytest.approx([10 * math.log10(4 / e) for e in errors], rel=1e-5)
    assert squared_error(x, y).tolist() == pytest.approx(errors, rel=1e-5)
    assert psnr(x, x).isfinite().all()


def test_psnr_is_that_of_torchmetrics() -> None:
    x, y = (torch.rand(3, 2, 8, 8) * 2 - 1 for _ in range(2))
    wanted = peak_signal_noise_ratio(x, y, data_range=2.0, reduction="none", dim=(1, 2, 3))
    torch.testing.assert_close(psnr(x, y), wanted)


def test_ssim_is_its_formula_in_every_window() -> None:
    x, y = images(0), 0.7 * images(0) + 0.3 * images(1)
    c1, c2 = 0.02**2, 0.06**2
    for a, b, found in zip(x + 1, y + 1, ssim(x, y), strict=True):
        each = []
        for one, other in zip(a, b, strict=True):
            windows = [unfold(t[None, None], WINDOW)[0].T.double() for t in (one, other)]
            for u, v in zip(*windows, strict=True):
                covariance = torch.cov(torch.stack([u, v]))
                likeness = (2 * u.mean() * v.mean() + c1) * (2 * covariance[0, 1] + c2)
                most = (u.mean() ** 2 + v.mean() ** 2 + c1) * (covariance.trace() + c2)
                each.append(float(likeness / most))
        assert float(found) == pytest.approx(sum(each) / len(each), rel=1e-4)


@pytest.mark.parametrize("shape", [(3, 1, 8, 8), (3, 2, 20, 23), (2, 3, 32, 32)])
def test_ssim_is_that_of_torchmetrics(shape: tuple[int, ...]) -> None:
    """Whose variances are biased, as if c2 were larger by what unbiased ones are.

    Its windows beyond the edge, which see reflections, are left out.
    """
    torch.manual_seed(0)
    x = torch.rand(shape) * 2 - 1
    y = 0.7 * x + 0.3 * (torch.rand(shape) * 2 - 1)
    biased, edge = (WINDOW**2 - 1) / WINDOW**2, WINDOW // 2
    _, windows = structural_similarity_index_measure(
        x + 1, y + 1, gaussian_kernel=False, kernel_size=WINDOW, data_range=2.0,
        k2=0.03 * math.sqrt(biased), return_full_image=True, reduction="none",
    )  # fmt: skip
    wanted = windows[..., edge:-edge, edge:-edge].flatten(1).mean(1)
    torch.testing.assert_close(ssim(x, y), wanted, rtol=1e-4, atol=1e-5)


def test_equal_images_have_ssim_one() -> None:
    x = images(2, 1)
    assert ssim(x, x).tolist() == pytest.approx([1.0] * 3)
    assert (ssim(x, -x) < 0.2).all()


def test_scores_are_asked_for_by_name() -> None:
    x, y = images(0), images(1)
    found = reconstruction_scores(x, y, ("psnr", "reconstruction_error"))
    assert list(found) == ["psnr", "reconstruction_error"]
    assert all(values.shape == (3,) for values in found.values())
