"""Losses against their papers' formulas, by hand in float64, and against torch.distributions."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from gensweep_models.losses import (
    Objective,
    bernoulli_nll,
    critic_loss,
    gaussian_kl,
    gaussian_nll,
    generator_loss,
    gradient_penalty,
)

OBJECTIVES = get_args(Objective)
Formula = Callable[[Tensor, Tensor], Tensor]


def _log_d(logits: Tensor) -> Tensor:
    return (1 / (1 + (-logits).exp())).log()


def _log_not_d(logits: Tensor) -> Tensor:
    return (1 - 1 / (1 + (-logits).exp())).log()


def _value(real: Tensor, fake: Tensor) -> Tensor:
    """V(D, G) of Goodfellow et al., eq. 1, which D maximises."""
    return _log_d(real).mean() + _log_not_d(fake).mean()


def _wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic of Arjovsky et al., eq. 3, maximises; in Gulrajani et al. too, eq. 3."""
    return real.mean() - fake.mean()


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    """V_D of Miyato et al., eq. 16, after Lim and Ye, arXiv:1705.02894, which D maximises."""
    zero = torch.zeros_like(real)
    return torch.minimum(zero, real - 1).mean() + torch.minimum(zero, -fake - 1).mean()


MAXIMISED: dict[str, Formula] = {
    "minimax": _value,
    "non_saturating": _value,
    "wasserstein": _wasserstein,
    "wasserstein_gp": _wasserstein,
    "hinge": _hinge,
}
MINIMISED: dict[str, Callable[[Tensor], Tensor]] = {
    "minimax": lambda fake: _log_not_d(fake).mean(),
    "non_saturating": lambda fake: -_log_d(fake).mean(),
    "wasserstein": lambda fake: -fake.mean(),
    "wasserstein_gp": lambda fake: -fake.mean(),
    "hinge": lambda fake: -fake.mean(),
}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _normal(*shape: int, scale: float = 1.0) -> Tensor:
    return (scale * torch.randn(shape, dtype=torch.float64)).requires_grad_()


def _same_with_gradients(got: Tensor, want: Tensor, inputs: list[Tensor]) -> None:
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(
        torch.autograd.grad(got, inputs, retain_graph=True), torch.autograd.grad(want, inputs)
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_critic_descends_what_the_paper_maximises(objective: Objective) -> None:
    real, fake = _normal(40, scale=3), _normal(40, scale=3)
    loss = critic_loss(objective, real, fake)
    _same_with_gradients(loss, -MAXIMISED[objective](real, fake), [real, fake])


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_generator_minimises_the_papers_formula(objective: Objective) -> None:
    fake = _normal(40, scale=3)
    loss = generator_loss(objective, fake)
    _same_with_gradients(loss, MINIMISED[objective](fake), [fake])


def test_losses_of_extreme_logits_stay_finite() -> None:
    far = torch.tensor([-1e4, 1e4], requires_grad=True)
    for objective in OBJECTIVES:
        for loss in (critic_loss(objective, far, far), generator_loss(objective, far)):
            (grad,) = torch.autograd.grad(loss, far)
            assert bool(loss.isfinite()), objective
            assert bool(grad.isfinite().all()), objective


def test_minimax_saturates_where_the_other_does_not() -> None:
    """Both push D(G(z)) up, by D and by 1 - D: the ratio is the odds, nothing for a clear fake."""
    fake = torch.tensor([-20.0, -2.0, 0.0, 2.0, 20.0], dtype=torch.float64, requires_grad=True)
    (slow,) = torch.autograd.grad(5 * generator_loss("minimax", fake), fake)
    (fast,) = torch.autograd.grad(5 * generator_loss("non_saturating", fake), fake)
    assert (slow < 0).all()
    assert (fast < 0).all()
    torch.testing.assert_close(slow, -fake.detach().sigmoid())
    torch.testing.assert_close(slow / fast, fake.detach().exp(), rtol=1e-6, atol=0)
    assert float(slow[0]) > -1e-8
    assert float(fast[0]) < -1 + 1e-8


def test_the_penalty_of_a_quadratic_critic() -> None:
    """Of x A x / 2 + b x the gradient is A x + b, at epsilon real + (1 - epsilon) fake."""
    half, b, real, fake = _normal(3, 3), _normal(3), _normal(6, 3), _normal(6, 3)
    a = half + half.mT
    epsilon = torch.rand(6, 1, dtype=torch.float64)
    got = gradient_penalty(lambda x: (x @ a * x).sum(-1) / 2 + x @ b, real, fake, epsilon)
    rows = [e * r + (1 - e) * f for e, r, f in zip(epsilon, real, fake, strict=True)]
    want = torch.stack([((a @ x + b).norm() - 1) ** 2 for x in rows]).mean()
    _same_with_gradients(got, want, [half, b])


def test_the_penalty_of_images_is_that_of_their_pixels() -> None:
    weights = _normal(2, 3, 3)
    real, fake = _normal(4, 2, 3, 3), _normal(4, 2, 3, 3)
    epsilon = torch.rand(4, 1, 1, 1, dtype=torch.float64)
    got = gradient_penalty(lambda x: (x * weights).flatten(1).sum(1), real, fake, epsilon)
    _same_with_gradients(got, (weights.square().sum().sqrt() - 1) ** 2, [weights])


def test_the_penaltys_gradient_against_finite_differences() -> None:
    """The double backward, in every weight of a critic that is smooth."""
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Softplus(), nn.Linear(4, 1))
    net.double()
    names = [name for name, _ in net.named_parameters()]
    real, fake = _normal(6, 3).detach(), _normal(6, 3).detach()
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


def test_a_flat_critic_has_a_finite_gradient() -> None:
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    x = _normal(4, 3)
    penalty = gradient_penalty(lambda x: x @ weights, x, x, torch.rand(4, 1).double())
    assert penalty.item() == pytest.approx(1, abs=1e-5)
    assert bool(torch.autograd.grad(penalty, weights)[0].isfinite().all())


@pytest.mark.parametrize("shape", [(7,), (5, 7)])
def test_bernoulli_nll_against_torch(shape: Any) -> None:
    logits = _normal(*shape, scale=4)
    x = torch.rand(shape, dtype=torch.float64).round()
    want = -torch.distributions.Bernoulli(logits=logits).log_prob(x).sum(-1)
    got = bernoulli_nll(logits, x)
    assert got.shape == shape[:-1]
    torch.testing.assert_close(got, want)
    _same_with_gradients(got.sum(), want.sum(), [logits])


@pytest.mark.parametrize("shape", [(7,), (5, 7)])
def test_gaussian_nll_against_torch(shape: Any) -> None:
    mean, x = _normal(*shape), _normal(*shape)
    scale = (0.1 + torch.rand(shape[-1], dtype=torch.float64)).requires_grad_()
    want = -torch.distributions.Normal(mean, scale).log_prob(x).sum(-1)
    got = gaussian_nll(mean, scale, x)
    assert got.shape == shape[:-1]
    torch.testing.assert_close(got, want)
    _same_with_gradients(got.sum(), want.sum(), [mean, scale, x])


def test_gaussian_kl_against_torch() -> None:
    mean, log_variance = _normal(5, 3), _normal(5, 3)
    normal = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    want = torch.distributions.kl_divergence(normal, prior).sum(-1)
    got = gaussian_kl(mean, log_variance)
    torch.testing.assert_close(got, want)
    _same_with_gradients(got.sum(), want.sum(), [mean, log_variance])
