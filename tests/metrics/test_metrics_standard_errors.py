"""Standard errors of metrics over samples: against resampling, leaving out, and fresh draws."""

import math
from collections.abc import Callable

import pytest
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from gensweep.intervals import Z, metric_intervals
from gensweep.metric import ERROR
from gensweep.metrics import (
    Evaluator,
    FeatureNet,
    frechet_distance,
    label_metrics,
    mode_metrics,
    moments,
)
from gensweep.metrics._distances import SlicedDistances, label_errors
from gensweep.metrics._frechet import frechet_pieces, square_root
from gensweep.metrics._kernel import KernelDistance
from gensweep.metrics._modes import mode_errors
from gensweep.metrics._prdc import NearReal
from gensweep.metrics._standard_error import standard_error
from gensweep.metrics._transport import Transport, potentials

DRAWS = 150


class Pixels(FeatureNet):
    """Features that are the numbers of an image themselves."""

    def features(self, images: Tensor) -> Tensor:
        return images.flatten(1)


def resampled(measure: Callable[[Tensor], Tensor], samples: Tensor) -> float:
    """The standard deviation of a metric over a plain bootstrap of samples [N, D]."""
    drawn = torch.randint(len(samples), (500, len(samples)))
    return float(measure(samples[drawn]).std())


def test_errors_equal_a_plain_bootstrap() -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(300, 5).double(), torch.randn(250, 5).double() * 1.2 + 0.3
    slices, kernel, known = SlicedDistances(real, 32), KernelDistance(real), moments(real)
    root = square_root(known[1])
    told = {
        "frechet": standard_error(frechet_pieces(fake, known[0], root)),
        "kernel": kernel.with_error(fake)[1],
        "wide kernel": KernelDistance(real, few=1).with_error(fake)[1],
        **{f"w{p}": standard_error(slices.pieces(fake, p)[p]) for p in (1, 2)},
    }
    plain = {
        "frechet": resampled(lambda x: frechet_distance(known, moments(x), root), fake),
        "kernel": resampled(kernel.distances, fake),
        "wide kernel": resampled(kernel.distances, fake),
        **{f"w{p}": resampled(lambda x, p=p: slices.distances(x, p)[p] ** p, fake)  # type: ignore[misc]
           for p in (1, 2)},
    }  # fmt: skip
    assert {n: float(v) for n, v in told.items()} == pytest.approx(plain, rel=0.1)


def test_errors_of_shares_equal_a_plain_bootstrap() -> None:
    torch.manual_seed(0)
    modes = torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    at = torch.tensor([0.5, 0.3, 0.15, 0.05]).multinomial(400, replacement=True)
    points = modes[at] + 0.1 * torch.randn(400, 2)
    found = mode_errors(points, modes, 0.1, 2.0)
    shares, classes = torch.full((4,), 0.25), at[:, None].float()
    for name, error in found.items():
        plain = resampled(lambda x, n=name: mode_metrics(x, modes, 0.1, 2.0)[n], points)  # type: ignore[misc]
        assert float(error) == pytest.approx(plain, rel=0.1, abs=1e-3), name
    plain = resampled(lambda x: label_metrics(x[..., 0].long(), shares)["class_kl"], classes)
    assert float(label_errors(at, shares)["class_kl"]) == pytest.approx(plain, rel=0.1)


def test_errors_of_counts_equal_a_plain_bootstrap() -> None:
    """Of classes and modes that a few samples are of, or about as many as the bound asks."""
    torch.manual_seed(0)
    hits = torch.tensor([1, 2, 3, 14, 15, 17, 250, 98])
    at, shares = torch.arange(8).repeat_interleave(hits), torch.full((8,), 1 / 8).double()
    found = label_errors(at, shares, 0.3)  # 15 of 400 samples
    for name in ("classes", "classes_seen"):
        plain = resampled(lambda x, n=name: label_metrics(x[..., 0].long(), shares, 0.3)[n],  # type: ignore[misc]
                          at[:, None].float())  # fmt: skip
        assert float(found[name]) == pytest.approx(plain, rel=0.1), name
    modes = torch.arange(8.0)[:, None]
    error = mode_errors(modes[at], modes, 0.1)["modes"]
    assert float(error) == pytest.approx(float(found["classes_seen"]))


@pytest.mark.parametrize("scale", [0.4, 1.0])
def test_errors_of_near_samples_equal_leaving_out_each(scale: float) -> None:
    torch.manual_seed(0)
    real, fake = torch.randn(70, 3), torch.randn(50, 3) * scale
    near, count = NearReal(real, 3, chunk=16), 50
    without = torch.stack([fake[torch.arange(count) != i] for i in range(count)])
    parts, found = near.measure(without), near.measure(fake[None], errors=True)
    for name in ("recall", "coverage", "precision", "density"):
        spread = parts[name].var(correction=0) * (count - 1)
        want = math.sqrt(spread) * (1 if name in ("precision", "density") else count / (count - 1))
        assert found[name + ERROR].item() == pytest.approx(want, rel=1e-5), name


def test_intervals_cover_the_mean_over_draws() -> None:
    """A share of 95 %; near-neighbour ones, which are said to be too wide, at least that."""
    torch.manual_seed(0)
    net = Pixels((1, 2, 2), 2)
    real = {"x": torch.randn(100, 1, 2, 2)}
    evaluator = Evaluator.for_dataset("normal", real, {}, net=net, samples=100)
    lanes = 0.25 + 0.8 * torch.randn(DRAWS, 100, 1, 2, 2)
    found = evaluator.evaluate(lanes, errors=True)
    for name in metric_intervals(found[0]):
        mean = math.fsum(one[name] for one in found) / DRAWS
        ends = [metric_intervals(one)[name] for one in found]
        share = sum(low <= mean <= high for low, high in ends) / DRAWS
        # Three standard deviations of a share of 150, and a linearisation's error.
        least, most = 0.95 - 0.055, 0.95 + 0.045
        assert least <= share <= (most if name in ("frechet", "mind", "density") else 1), name


def test_potentials_of_an_assignment_solve_the_dual_problem() -> None:
    """Potentials that no pair of points exceeds add up to the distance (Kantorovich)."""
    torch.manual_seed(0)
    for scale, shift in ((1.0, 0.0), (0.2, 3.0)):
        real, fake = torch.randn(150, 2), torch.randn(150, 2) * scale + shift
        (value,) = Transport(real).measure(fake, errors=False).values()
        cost = torch.cdist(fake.double(), real.double())
        matched = torch.tensor(linear_sum_assignment(cost)[1])
        mine = potentials(cost, matched)
        others = (cost - mine[:, None]).amin(0)
        assert float(mine.mean() + others.mean()) == pytest.approx(float(value), rel=1e-9)


def test_intervals_of_the_exact_distance_cover_the_mean_over_draws() -> None:
    """Of samples that have missed a mode, that blur, and that are of the law of the data."""
    torch.manual_seed(0)
    ring = torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]])
    transport = Transport(ring[torch.randint(4, (80,))] + 0.01 * torch.randn(80, 2))
    for modes, std in ((3, 0.01), (4, 0.3), (4, 0.01)):
        at = torch.randint(modes, (DRAWS, 80))
        found = [transport.measure(lane, errors=True)
                 for lane in ring[at] + std * torch.randn(DRAWS, 80, 2)]  # fmt: skip
        values, errors = (
            torch.stack([one[name] for one in found]) for name in ("w1", "w1" + ERROR)
        )
        share = ((values - values.mean()).abs() <= Z * errors).double().mean()
        assert float(share) >= 0.95 - 0.055, (modes, std)
        assert float(errors.mean()) <= 1.35 * float(values.std()), (modes, std)


def test_as_few_samples_as_there_may_be_have_errors_but_of_recall() -> None:
    few = NearReal(torch.randn(20, 2), 5).measure(torch.randn(1, 6, 2), errors=True)
    assert "coverage" + ERROR in few
    assert "recall" + ERROR not in few


def test_no_metric_has_an_error_before_the_end() -> None:
    real = {"x": torch.randn(40, 1, 2, 2)}
    evaluator = Evaluator.for_dataset("normal", real, {}, net=Pixels((1, 2, 2), 2), samples=40)
    plain = evaluator.evaluate(torch.randn(1, 40, 1, 2, 2))[0]
    assert not metric_intervals(plain)
