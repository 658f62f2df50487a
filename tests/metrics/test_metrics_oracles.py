"""Each metric against an independent implementation or a known value."""

import math
from typing import Any

import numpy as np
import pytest
import torch

from gensweep.metrics import (
    CopyTest,
    FeatureNet,
    feature_batches,
    finite,
    frechet_distance,
    kernel_distance,
    label_metrics,
    mode_metrics,
    moments,
    prdc,
    sliced_wasserstein,
)
from gensweep.metrics._distances import SlicedDistances
from gensweep.metrics._images import DIRECTIONS, Images
from gensweep.metrics._kernel import KernelDistance
from gensweep.metrics._prdc import NearReal
from gensweep.metrics._transport import Transport


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
    real, fake = torch.randn(420, 6).double(), torch.randn(2, 310, 6).double() * 0.8 + 0.3
    got = prdc(real, fake, k=5, chunk=chunk)
    for lane in range(2):
        want = package.compute_prdc(real.numpy(), fake[lane].numpy(), nearest_k=5)
        for name, value in want.items():
            assert got[name][lane].item() == pytest.approx(value, abs=1e-12)


def test_a_sample_whose_distance_overflows_is_one_that_is_near_nothing() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(420, 6), torch.randn(1, 310, 6)
    near = NearReal(real, 5)
    without, outlier = near.measure(fake[:, 1:]), fake.clone()
    outlier[0, 0] = 1e30
    found = near.measure(outlier)
    assert found["recall"].item() == without["recall"].item() > 0.8
    for name in ("precision", "density"):
        assert found[name].item() == pytest.approx(without[name].item() * 309 / 310)


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


@pytest.mark.parametrize(("real", "fake", "size"), [(520, 510, 2), (90, 140, 5), (80, 60, 1)])
def test_wasserstein_equals_pot(real: int, fake: int, size: int) -> None:
    """Of at most 500 of each; also of samples all alike, and of real points moved a bit."""
    ot = pytest.importorskip("ot")
    distances = pytest.importorskip("scipy.spatial.distance")
    torch.manual_seed(0)
    points, count = torch.randn(real, size), min(real, fake, 500)
    copies = points[torch.arange(fake) % count].flip(0) + 1e-5
    for samples in (0.5 + torch.randn(fake, size), torch.full((fake, size), 2.0), copies):
        pair = samples[:count].double(), points[:count].double()
        want = ot.emd2([], [], distances.cdist(*pair))
        found = Transport(points).measure(samples, errors=False)
        assert found["w1"].item() == pytest.approx(want, rel=1e-9, abs=1e-12)


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


@pytest.mark.parametrize("few", [0, 128])
def test_kernel_distance_equals_torchmetrics(few: int) -> None:
    """Of all samples at once, and without bias: negative for some draws of one law."""
    kid = pytest.importorskip("torchmetrics.image.kid")
    torch.manual_seed(0)
    real, fake = torch.randn(60, 6), torch.randn(2, 60, 6) * 0.8 + 0.3
    got = KernelDistance(real, few, chunk=7).distances(fake)
    for lane in range(2):
        want = kid.poly_mmd(real.double(), fake[lane].double(), degree=3, gamma=None, coef=1.0)
        assert got[lane].item() == pytest.approx(want.item(), rel=1e-9)
    same = kernel_distance(real, torch.randn(200, 60, 6))
    assert same.min() < 0 < same.max()
    assert abs(float(same.mean())) < 3 * float(same.std()) / math.sqrt(200)


def test_the_monge_distance_is_that_of_gaussians_in_closed_form() -> None:
    """3 F mean of (u . shift)^2 is 3 |shift|^2, and of a scale s it is 3 F (s - 1)^2."""
    torch.manual_seed(0)
    real = torch.randn(4000, 8)
    moved, wide = real + torch.tensor([2.0] + [0.0] * 7), real * 1.5
    found = [24 * SlicedDistances(real, 256).distances(x[None], 2)[2].square()
             for x in (moved, wide)]  # fmt: skip
    assert float(found[0]) == pytest.approx(3 * 4, rel=0.15)
    assert float(found[1]) == pytest.approx(24 * 0.25, rel=0.05)


@pytest.mark.parametrize(("reals", "fakes", "off"), [(300, 300, 1e-9), (1000, 600, 0.02)])
def test_the_monge_distance_equals_pots(reals: int, fakes: int, off: float) -> None:
    """Over the same directions, and within four standard errors of POT's over 2000 of its own.

    Of unequal numbers POT integrates exactly, where ours compares quantiles.
    """
    ot = pytest.importorskip("ot")
    torch.manual_seed(0)
    net = FeatureNet((1, 8, 8), 10)
    real, fake = torch.randn(reals, 1, 8, 8), torch.randn(fakes, 1, 8, 8) * 0.8 + 0.1
    got = Images(real, net, None, 5).measure(fake[None], {"mind"})["mind"].item()
    pair = [feature_batches(net, images).double().numpy() for images in (real, fake)]
    size = pair[0].shape[1]
    source = torch.Generator().manual_seed(0)
    ways = torch.randn(size, DIRECTIONS, generator=source, dtype=torch.float64)
    same = ot.sliced_wasserstein_distance(*pair, projections=(ways / ways.norm(dim=0)).numpy())
    assert got == pytest.approx(3 * size * same**2, rel=off)
    _, log = ot.sliced_wasserstein_distance(*pair, n_projections=2000, seed=1, log=True)
    drawn = 3 * size * log["projected_emds"]
    error = drawn.std() * math.sqrt(1 / DIRECTIONS + 1 / len(drawn))
    assert got == pytest.approx(drawn.mean(), abs=4 * error)
    assert error < drawn.mean() / 15


def _clipped_by_definition(real: Any, fake: Any, k: int) -> tuple[float, float]:
    """Clipped density and coverage from whole matrices of distances, and a Monte Carlo law."""
    distances = pytest.importorskip("scipy.spatial.distance")
    special = pytest.importorskip("scipy.special")
    own = distances.cdist(real, real)
    reach = np.sort(own, 1)[:, k]
    clipped = np.minimum(reach, np.median(reach))
    np.fill_diagonal(own, np.inf)
    best = np.minimum((own <= clipped[:, None]).sum(0) / k, 1).mean()
    between = distances.cdist(real, fake)
    density = np.minimum((between <= clipped[:, None]).sum(0) / k, 1).mean() / best
    covered = (np.minimum((between < reach[:, None]).sum(1), k) / k).mean()
    n, reached = len(real), [0.0] * k
    for m in range(k, len(fake) + 1):
        j = np.arange(m + 1)
        chosen = special.comb(m, j) * special.beta(k + j, n - k + m - j) / special.beta(k, n - k)
        reached.append(float((np.minimum(j, k) * chosen).sum() / k))
    return min(density, 1), np.searchsorted(reached, covered) / len(reached)


def test_clipped_density_and_coverage_are_those_of_their_definition() -> None:
    torch.manual_seed(0)
    for scale, shift in ((1.0, 0.0), (0.8, 0.4), (1.6, 0.0)):
        real, fake = torch.randn(80, 4).double(), torch.randn(1, 60, 4).double() * scale + shift
        got = NearReal(real, 5, chunk=9).measure(fake)
        density, coverage = _clipped_by_definition(real.numpy(), fake[0].numpy(), 5)
        assert got["clipped_density"].item() == pytest.approx(density, abs=1e-12)
        assert got["clipped_coverage"].item() == pytest.approx(coverage, abs=1e-12)


def test_clipped_metrics_are_the_share_of_good_samples() -> None:
    """Where density and coverage are not: bad samples here lie in the ball of an outlier."""
    torch.manual_seed(0)
    real = torch.randn(2000, 16)
    real[0] = 30.0
    near = NearReal(real, 5)
    for share in (0.0, 0.25, 0.5, 1.0):
        fake = torch.randn(1, 2000, 16)
        bad = int(2000 * (1 - share))
        fake[0, :bad] = 20.0 + 0.1 * torch.randn(bad, 16)
        got = near.measure(fake, recall=False)
        assert got["clipped_density"].item() == pytest.approx(share, abs=0.06)
        assert got["clipped_coverage"].item() == pytest.approx(share, abs=0.06)
        if share == 0.5:
            assert got["precision"].item() > 0.9
            assert got["coverage"].item() > 0.7


@pytest.mark.parametrize("noise", [0.0, 0.02])
def test_planted_copies_are_found_at_their_share(noise: float) -> None:
    torch.manual_seed(0)
    train, held_out = torch.randn(3000, 16), torch.randn(1000, 16)
    test = CopyTest(train, held_out, chunk=99)
    for share in (0.0, 0.1, 0.5, 1.0):
        fake, copies = torch.randn(1, 2000, 16), int(2000 * share)
        fake[0, :copies] = train[torch.randint(3000, (copies,))] + noise * torch.randn(copies, 16)
        assert test.copied(fake).item() == pytest.approx(share, abs=0.015)


def test_no_copies_are_told_where_held_out_examples_repeat_training_ones() -> None:
    torch.manual_seed(0)
    train = torch.randn(200, 4)
    assert CopyTest(train, torch.randn(100, 4)).tells
    assert not CopyTest(train, torch.cat([train[:80], torch.randn(20, 4)])).tells
