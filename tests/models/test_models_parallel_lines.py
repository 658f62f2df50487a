"""Two parallel lines: Jensen-Shannon log 2 wherever they part, Wasserstein their distance."""

import math

import ot
import pytest
import torch

from gensweep_models.adversarial.parallel_lines import jensen_shannon, line, wasserstein


@pytest.mark.parametrize("theta", [-1.0, -0.01, 1e-12, 0.3, 7.0])
def test_lines_that_part(theta: float) -> None:
    """However far, and by whatever number of points the lines are told."""
    for count in (1, 20):
        pair = line(0.0, count), line(theta, count)
        assert jensen_shannon(*pair) == pytest.approx(math.log(2), rel=1e-12)
        assert wasserstein(*pair) == pytest.approx(abs(theta), rel=1e-12)


def test_lines_that_meet() -> None:
    same = line(0.0, 20), line(0.0, 20)
    assert jensen_shannon(*same) == 0
    assert wasserstein(*same) == 0


def test_the_wasserstein_distance_is_that_of_another_solver() -> None:
    one, other = line(0.0, 20), line(0.37, 20)
    masses = torch.full((20,), 1 / 20, dtype=torch.float64).numpy()
    solved = ot.emd2(masses, masses, torch.cdist(one, other).numpy())
    assert wasserstein(one, other) == pytest.approx(float(solved), rel=1e-9)


def test_the_divergence_of_masses_that_overlap_in_part() -> None:
    """Half of each at one point: half of the masses are told apart, at log 2 each."""
    one, other = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [2.0]])
    assert jensen_shannon(one, other) == pytest.approx(math.log(2) / 2)


def test_lines_that_are_not_parallel_are_refused() -> None:
    with pytest.raises(ValueError, match="not parallel"):
        wasserstein(line(0.0, 5), line(1.0, 5).flip(0))
