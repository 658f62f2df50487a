"""Penalties by hand in float64: of quadratic critics, and by torch.autograd.grad."""

from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from formulas_by_hand import draws, penalty_by_hand
from gensweep_models.adversarial.penalties import PENALTIES, PenaltyName, gradient_penalty
from same_gradients import assert_same_with_gradients, normal

BATCH = 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _drawn(name: PenaltyName, shape: tuple[int, ...]) -> dict[str, Tensor]:
    return {
        key: torch.rand(one, dtype=torch.float64) for key, one in draws(name, BATCH, shape).items()
    }


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5)])
@pytest.mark.parametrize("name", get_args(PenaltyName))
def test_a_penalty_draws_uniform_numbers_of_examples_and_of_their_numbers(
    name: PenaltyName, shape: tuple[int, ...]
) -> None:
    noise = PENALTIES[name].noise(BATCH, shape)
    assert {key: one.shape for key, one in noise.items()} == draws(name, BATCH, shape)
    assert all(one.kind == "uniform" for one in noise.values())


@pytest.mark.parametrize("name", get_args(PenaltyName))
def test_a_penalty_against_autograd_by_hand(name: PenaltyName) -> None:
    """Example after example, with gradients in every weight that they depend on."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    real, fake = normal(BATCH, 2, 2, 2).detach(), normal(BATCH, 2, 2, 2).detach()
    drawn = _drawn(name, (2, 2, 2))
    got = PENALTIES[name](lambda x: net(x).squeeze(-1), real, fake, drawn)
    want = penalty_by_hand(name, net, real, fake, drawn)
    assert_same_with_gradients(got, want, list(net.parameters())[:-1])


@pytest.mark.parametrize("name", get_args(PenaltyName))
def test_a_flat_critic_has_a_finite_gradient(name: PenaltyName) -> None:
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    x = normal(BATCH, 3).detach()
    penalty = PENALTIES[name](lambda x: x @ weights, x, x, _drawn(name, (3,)))
    assert penalty.item() == pytest.approx(float(name in ("gradient", "dragan")), abs=1e-5)
    assert bool(torch.autograd.grad(penalty, weights)[0].isfinite().all())


def test_perturbed_data_stay_within_half_a_standard_deviation() -> None:
    real = normal(BATCH, 2, 8, 8).detach()
    (near,) = PENALTIES["dragan"].points(real, real, _drawn("dragan", (2, 8, 8)))
    shift = near - real
    assert 0 <= float(shift.min()) < float(shift.max()) < float(real.std()) / 2


def test_the_penalty_of_a_quadratic_critic() -> None:
    """Of x A x / 2 + b x the gradient is A x + b, at epsilon real + (1 - epsilon) fake."""
    half, b, real, fake = normal(3, 3), normal(3), normal(6, 3), normal(6, 3)
    a = half + half.mT
    epsilon = torch.rand(6, 1, dtype=torch.float64)
    got = gradient_penalty(lambda x: (x @ a * x).sum(-1) / 2 + x @ b, real, fake, epsilon)
    rows = [e * r + (1 - e) * f for e, r, f in zip(epsilon, real, fake, strict=True)]
    want = torch.stack([((a @ x + b).norm() - 1) ** 2 for x in rows]).mean()
    assert_same_with_gradients(got, want, [half, b])


def test_the_penalty_of_images_is_that_of_their_pixels() -> None:
    weights = normal(2, 3, 3)
    real, fake = normal(4, 2, 3, 3), normal(4, 2, 3, 3)
    epsilon = torch.rand(4, 1, 1, 1, dtype=torch.float64)
    got = gradient_penalty(lambda x: (x * weights).flatten(1).sum(1), real, fake, epsilon)
    assert_same_with_gradients(got, (weights.square().sum().sqrt() - 1) ** 2, [weights])


def test_the_penaltys_gradient_against_finite_differences() -> None:
    """The double backward, in every weight of a critic that is smooth."""
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Softplus(), nn.Linear(4, 1))
    net.double()
    names = [name for name, _ in net.named_parameters()]
    real, fake = normal(6, 3).detach(), normal(6, 3).detach()
    epsilon = torch.rand(6, 1, dtype=torch.float64)

    def penalty(*weights: Tensor) -> Tensor:
        state = dict(zip(names, weights, strict=True))

        def critic(x: Tensor) -> Tensor:
            scores: Tensor = functional_call(net, state, x)
            return scores

        return gradient_penalty(critic, real, fake, epsilon)

    weights = [p.detach().clone().requires_grad_() for p in net.parameters()]
    # of the last bias the critic's gradient knows nothing
    grads = torch.autograd.grad(penalty(*weights), weights[:-1])
    assert all(bool(grad.any()) for grad in grads)
    assert torch.autograd.gradcheck(penalty, weights, eps=1e-6, atol=1e-7, rtol=1e-5)
