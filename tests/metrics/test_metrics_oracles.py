"""Each metric against an independent implementation or a known value."""

import math

import numpy as np
import pytest
import torch

from gensweep.metrics import (
    finite,
    frechet_distance,
    label_metrics,
    mode_metrics,
    moments,
    prdc,
    sliced_wasserstein,
)


def test_frechet_equals_scipy() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    torch.manual_seed(0)
    real, fake = torch.randn(300, 8).double(), torch.randn(3, 200, 8).double() * 1.3 + 0.2
    got = frechet_distance(moments(real), moments(fake))
    for lane, value in zip(fake, got, strict=True):
        s, t = np.cov(real.numpy().T), np.cov(lane.numpy().T)
        gap = np.square(real.numpy().mean(0) - lane.numpy().mean(0)).sum()
        want = gap + np.trace(s + t - 2 * linalg.sqrtm(s @ t).real)
        assert value.item() == pytest.approx(want, abs=1e-8)


def test_frechet_equals_torchmetrics() -> None:
    fid = pytest.importorskip("torchmetrics.image.fid")
    net = torch.nn.Flatten()
    net.num_features = 16  # type: ignore[assignment]
    torch.manual_seed(0)
    real, fake = torch.rand(200, 1, 4, 4), torch.rand(200, 1, 4, 4) ** 2
    metric = fid.FrechetInceptionDistance(feature=net, normalize=True, input_img_size=(1, 4, 4))
    metric.update(real, real=True)
    metric.update(fake, real=False)
    got = frechet_distance(moments(real.flatten(1)), moments(fake.flatten(1)))
    assert got.item() == pytest.approx(metric.compute().item(), rel=1e-3)


@pytest.mark.parametrize("chunk", [7, 2048])
def test_prdc_equals_package(chunk: int) -> None:
    package = pytest.importorskip("prdc")
    torch.manual_seed(0)
    real, fake = torch.randn(120, 6).double(), torch.randn(2, 90, 6).double() * 0.8 + 0.3
    got = prdc(real, fake, k=5, chunk=chunk)
    for lane in range(2):
        want = package.compute_prdc(real.numpy(), fake[lane].numpy(), nearest_k=5)
        for name, value in want.items():
            assert got[name][lane].item() == pytest.approx(value, abs=1e-12)


def test_sliced_wasserstein_equals_pot() -> None:
    ot = pytest.importorskip("ot")
    torch.manual_seed(0)
    real, fake = torch.randn(80, 2).double(), torch.randn(1, 80, 2).double() + 0.5
    directions = torch.randn(
        2, 128, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    directions = directions / directions.norm(dim=0)
    for order in (1, 2):
        want = ot.sliced_wasserstein_distance(
            real.numpy(), fake[0].numpy(), projections=directions.numpy(), p=order
        )
        assert sliced_wasserstein(real, fake, order).item() == pytest.approx(want, rel=1e-9)


def test_modes_of_a_half_covered_ring() -> None:
    angle = torch.arange(8) * math.tau / 8
    ring = torch.stack([angle.cos(), angle.sin()], -1)
    samples = torch.stack([ring.repeat(10, 1), ring[:4].repeat(20, 1), ring.repeat(10, 1) * 2])
    got = mode_metrics(samples, ring, std=0.01)
    assert got["modes"].tolist() == [8, 4, 0]
    assert got["high_quality"].tolist() == [1, 1, 0]
    assert got["total_variation"].tolist() == pytest.approx([0, 0.5, 1])
    assert got["reverse_kl"].tolist() == pytest.approx([0, math.log(2), 0], abs=1e-12)
    half = (math.log(4 / 3) + 0.5 * math.log(2 / 3) + 0.5 * math.log(2)) / 2
    assert got["jsd"].tolist() == pytest.approx([0, half, 0], abs=1e-12)


def test_total_variation_is_half_the_l1_distance_with_a_bin_for_the_lost() -> None:
    """And at most what the far and the unbalanced samples add up to."""
    torch.manual_seed(0)
    ring = torch.eye(2)[[0, 1]] * 5
    samples = ring[(torch.rand(1, 400) < 0.3).long()] + 0.4 * torch.randn(1, 400, 2)
    got = mode_metrics(samples, ring, std=0.2, threshold=2.0)
    near = torch.cdist(samples[0], ring) <= 0.4
    shares = [
        near[:, 0].double().mean(),
        near[:, 1].double().mean(),
        (~near.any(1)).double().mean(),
    ]
    want = sum(abs(a - b) for a, b in zip(shares, (0.5, 0.5, 0.0), strict=True)) / 2
    assert 0.3 < got["total_variation"].item() < 0.9
    assert got["total_variation"].item() == pytest.approx(float(want))


def test_labels_and_finite() -> None:
    got = label_metrics(torch.tensor([[0, 1, 0, 1], [1, 1, 1, 1]]), torch.tensor([0.5, 0.5]))
    assert got["classes"].tolist() == [2, 1]
    assert got["class_kl"].tolist() == pytest.approx([0, math.log(2)])
    assert finite(torch.tensor([[1.0], [math.inf]])).tolist() == [True, False]
