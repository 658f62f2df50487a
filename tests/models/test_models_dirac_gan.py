"""The convergence table of Mescheder et al. (arXiv:1801.04406), by eigenvalues and by training."""

import cmath
from typing import Any, get_args

import pytest
import torch
from torch import Tensor

from gensweep_models.adversarial.dirac_gan import DiracGan, Regulariser, apart
from gensweep_models.catalog import CATALOG
from plane_paths import POINTS, distances, paths

SLOPE, CURVATURE = 0.5, -0.25
"""f'(0) and f''(0) of f(t) = -log(1 + exp(-t))."""
WEIGHT, STD, RATE = 0.5, 1.0, 0.5


def game(**fixed: Any) -> DiracGan:
    config = CATALOG["dirac_gan"].config(weight=WEIGHT, noise_std=STD, starts=1, **fixed)
    found: DiracGan = CATALOG["dirac_gan"].game(config, POINTS)
    return found


def field(theta: Tensor, psi: Tensor, **fixed: Any) -> Tensor:
    """The direction in which the players move at (theta, psi), [2]."""
    told = {"weight": WEIGHT, "noise_std": STD, "target": 1.0}
    hyper = {name: torch.tensor(value).double() for name, value in told.items()}

    def loss(player: str, at: Tensor, other: Tensor) -> Tensor:
        ends = {"generator": at, "discriminator": other}
        if player == "discriminator":
            ends = {"generator": other, "discriminator": at}
        nets: Any = {name: lambda value=value: value[None] for name, value in ends.items()}
        return game(**fixed).loss(player, nets, {}, {}, hyper)[0]

    of_theta = torch.func.grad(lambda at: loss("generator", at, psi))(theta)
    of_psi = torch.func.grad(lambda at: loss("discriminator", at, theta))(psi)
    return -torch.stack([of_theta, of_psi])


def eigenvalues(**fixed: Any) -> list[complex]:
    """Of the Jacobian of the field at the equilibrium."""
    origin = torch.zeros(2, dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda at: field(at[0], at[1], **fixed))(origin)
    return sorted(torch.linalg.eigvals(jacobian).tolist(), key=lambda one: one.imag)


def pair(real: float, product: float) -> list[complex]:
    """The eigenvalues of a real matrix with this mean and this determinant."""
    root = cmath.sqrt(real**2 - product)
    return sorted([real - root, real + root], key=lambda one: one.imag)


# a regulariser to the eigenvalues that it has with an objective whose slope at 0 is s, and f''(0) c
KNOWN = {
    "none": lambda s, c: pair(0, s**2),
    "clipping": lambda s, c: pair(0, s**2),
    "instance_noise": lambda s, c: pair(c * STD**2, s**2),
    "r1": lambda s, c: pair(-WEIGHT / 2, s**2),
    "r2": lambda s, c: pair(-WEIGHT / 2, s**2),
    "consensus": lambda s, c: pair(-WEIGHT * s**2, s**2 + (WEIGHT * s**2) ** 2),
}
OBJECTIVES = {
    "minimax": (SLOPE, CURVATURE),
    "non_saturating": (SLOPE, CURVATURE),
    "wasserstein": (1.0, 0.0),
}


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("regulariser", KNOWN)
def test_eigenvalues_at_the_equilibrium_are_the_papers(regulariser: str, objective: str) -> None:
    """Where both are imaginary, no step size converges."""
    found = eigenvalues(objective=objective, regulariser=regulariser)
    due = KNOWN[regulariser](*OBJECTIVES[objective])
    assert found == pytest.approx(due, abs=1e-9)
    assert field(*torch.zeros(2).double(), regulariser=regulariser).tolist() == [0, 0]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("psi", [1e-6, -1e-6])
def test_the_penalty_of_wgan_gp_drives_away_from_the_equilibrium(
    objective: str, psi: float
) -> None:
    """At a speed that does not fade as it comes near: the weight times the norm asked for."""
    at = torch.tensor([0.0, psi], dtype=torch.float64)
    away = field(at[0], at[1], objective=objective, regulariser="wgan_gp")[1]
    assert float(away) / psi > 0
    assert abs(float(away)) == pytest.approx(WEIGHT, rel=1e-5)


def test_instance_noise_is_the_expectation_of_the_objective() -> None:
    """Against the mean of 200,000 draws, as the authors' code takes it of 1,000."""
    torch.manual_seed(0)
    theta, psi, noise = torch.tensor(0.7), torch.tensor(-0.9), torch.randn(2, 200_000)
    fake, real = theta + STD * noise[0], STD * noise[1]
    slope = lambda t: torch.sigmoid(-t)  # noqa: E731
    due = [-psi * slope(psi * fake), fake * slope(psi * fake) - real * slope(-psi * real)]
    of_theta, of_psi = field(theta.double(), -psi.double(), regulariser="instance_noise")
    for value, draws in zip((of_theta, -of_psi), due, strict=True):
        assert abs(float(value - draws.mean())) < 4 * float(draws.std()) / 200_000**0.5


def test_a_discriminator_is_right_where_it_scores_samples_below_data() -> None:
    told = apart(torch.tensor([0.5, 0.5]), torch.tensor([-1.0, 2.0]))
    assert {name: float(value) for name, value in told.items()} == {
        "critic_gap": -0.25, "critic_accuracy": 0.5,
    }  # fmt: skip


LINEAR = ("wasserstein", "instance_noise")
"""Instance noise does nothing to a linear objective."""
CELLS = [
    (objective, regulariser) for objective in OBJECTIVES for regulariser in get_args(Regulariser)
]
REMAIN = [cell for cell in CELLS if cell[1] in ("none", "clipping", "wgan_gp") or cell == LINEAR]
CONVERGE = [cell for cell in CELLS if cell not in REMAIN]


def trained(objective: str, regulariser: str, steps: int = 80) -> Tensor:
    """Distances [T] after each ten steps, of players in turn."""
    lane = {"learning_rate": RATE, "weight": WEIGHT, "noise_std": STD}
    path = paths("dirac_gan", steps, 10, [lane], objective=objective, regulariser=regulariser)
    return distances(path)[:, 0]


@pytest.mark.parametrize(("objective", "regulariser"), CONVERGE)
def test_regularised_trials_converge_at_the_rate_of_the_eigenvalues(
    objective: str, regulariser: str
) -> None:
    """Of a step of the generator and then of the discriminator: I + a J, row by row."""
    found = trained(objective, regulariser)
    assert float(found[-1]) < DiracGan.verdict_bounds["distance"][0]
    one, two = KNOWN[regulariser](*OBJECTIVES[objective])
    mean, slope = (one + two).real / 2, OBJECTIVES[objective][0]
    # the mean is shared by both players under consensus, and the discriminator's alone otherwise
    generator, discriminator = (mean, mean) if regulariser == "consensus" else (0.0, 2 * mean)
    first = torch.tensor([[1 + RATE * generator, -RATE * slope], [0, 1]])
    second = torch.tensor([[1, 0], [RATE * slope, 1 + RATE * discriminator]])
    rate = float(torch.linalg.eigvals(second @ first).abs().max())
    fallen = float(found[-1] / found[3]) ** (1 / 50)
    assert fallen == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize(("objective", "regulariser"), REMAIN)
def test_other_trials_stay_away(objective: str, regulariser: str) -> None:
    """The non-saturating one creeps of itself, ever more slowly."""
    found = trained(objective, regulariser)
    converged, diverged = DiracGan.verdict_bounds["distance"]
    assert 20 * converged < float(found.min())
    assert float(found.max()) < diverged
    if (objective, regulariser) == ("non_saturating", "none"):
        early, late = float(found[4] / found[2]), float(found[-1] / found[-3])
        assert early < late < 1
