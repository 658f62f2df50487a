"""Penalties by hand in float64: of quadratic critics, and by torch.autograd.grad."""

from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from gensweep_models.adversarial.penalties import PENALTIES, PenaltyName, gradient_penalty

BATCH = 6


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _normal(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64).requires_grad_()


def _same_with_gradients(got: Tensor, want: Tensor, inputs: list[Tensor]) -> None:
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(
        torch.autograd.grad(got, inputs, retain_graph=True), torch.autograd.grad(want, inputs)
    )


def _drawn(name: PenaltyName, shape: tuple[int, ...]) -> dict[str, Tensor]:
    noise = PENALTIES[name].noise(BATCH, shape)
    return {key: torch.rand(one.shape, dtype=torch.float64) for key, one in noise.items()}


def _between(real: Tensor, fake: Tensor, drawn: dict[str, Tensor]) -> Tensor:
    return drawn["epsilon"] * real + (1 - drawn["epsilon"]) * fake


def _perturbed(real: Tensor, fake: Tensor, drawn: dict[str, Tensor]) -> Tensor:
    """Where DRAGAN's code goes: from x towards x + std(x) / 2 times uniform numbers."""
    towards = real + 0.5 * real.std() * drawn["direction"]
    return real + drawn["epsilon"] * (towards - real)


POINTS: dict[str, list[Callable[..., Tensor]]] = {
    "gradient": [_between],
    "dragan": [_perturbed],
    "zero_centred": [_between],
    "r1": [lambda real, fake, drawn: real],
    "r2": [lambda real, fake, drawn: fake],
    "r1_r2": [lambda real, fake, drawn: real, lambda real, fake, drawn: fake],
    "max_gradient": [_between],
}
LAWS: dict[str, Callable[[Tensor], Tensor]] = {
    "gradient": lambda norms: ((norms - 1) ** 2).mean(),
    "dragan": lambda norms: ((norms - 1) ** 2).mean(),
    "zero_centred": lambda norms: (norms**2).mean(),
    "r1": lambda norms: (norms**2).mean() / 2,
    "r2": lambda norms: (norms**2).mean() / 2,
    "r1_r2": lambda norms: (norms**2).mean() / 2,
    "max_gradient": lambda norms: norms.max() ** 2,
}


@pytest.mark.parametrize("name", get_args(PenaltyName))
def test_a_penalty_against_autograd_by_hand(name: PenaltyName) -> None:
    """Example after example, with gradients in every weight that they depend on."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(8, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    real, fake = _normal(BATCH, 2, 2, 2).detach(), _normal(BATCH, 2, 2, 2).detach()
    drawn = _drawn(name, (2, 2, 2))
    want = torch.zeros((), dtype=torch.float64)
    for points in POINTS[name]:
        norms = []
        for x in points(real, fake, drawn):
            leaf = x[None].clone().requires_grad_()
            (slope,) = torch.autograd.grad(net(leaf).sum(), leaf, create_graph=True)
            norms.append(slope.norm())
        want = want + LAWS[name](torch.stack(norms))
    got = PENALTIES[name](lambda x: net(x).squeeze(-1), real, fake, drawn)
    _same_with_gradients(got, want, list(net.parameters())[:-1])


@pytest.mark.parametrize("name", get_args(PenaltyName))
def test_a_flat_critic_has_a_finite_gradient(name: PenaltyName) -> None:
    weights = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    x = _normal(BATCH, 3).detach()
    penalty = PENALTIES[name](lambda x: x @ weights, x, x, _drawn(name, (3,)))
    assert penalty.item() == pytest.approx(float(name in ("gradient", "dragan")), abs=1e-5)
    assert bool(torch.autograd.grad(penalty, weights)[0].isfinite().all())


def test_perturbed_data_stay_within_half_a_standard_deviation() -> None:
    real = _normal(BATCH, 2, 8, 8).detach()
    (near,) = PENALTIES["dragan"].points(real, real, _drawn("dragan", (2, 8, 8)))
    shift = near - real
    assert 0 <= float(shift.min()) < float(shift.max()) < float(real.std()) / 2


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
