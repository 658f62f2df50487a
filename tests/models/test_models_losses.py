"""Log-likelihoods and divergences against torch.distributions, in float64."""

from typing import Any

import pytest
import torch

from gensweep_models.losses import bernoulli_nll, gaussian_kl, gaussian_nll
from same_gradients import assert_same_with_gradients, normal


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize("shape", [(7,), (5, 7)])
def test_bernoulli_nll_against_torch(shape: Any) -> None:
    logits = normal(*shape, scale=4)
    x = torch.rand(shape, dtype=torch.float64).round()
    want = -torch.distributions.Bernoulli(logits=logits).log_prob(x).sum(-1)
    got = bernoulli_nll(logits, x)
    assert got.shape == shape[:-1]
    torch.testing.assert_close(got, want)
    assert_same_with_gradients(got.sum(), want.sum(), [logits])


@pytest.mark.parametrize("shape", [(7,), (5, 7)])
def test_gaussian_nll_against_torch(shape: Any) -> None:
    mean, x = normal(*shape), normal(*shape)
    scale = (0.1 + torch.rand(shape[-1], dtype=torch.float64)).requires_grad_()
    want = -torch.distributions.Normal(mean, scale).log_prob(x).sum(-1)
    got = gaussian_nll(mean, scale, x)
    assert got.shape == shape[:-1]
    torch.testing.assert_close(got, want)
    assert_same_with_gradients(got.sum(), want.sum(), [mean, scale, x])


def test_gaussian_kl_against_torch() -> None:
    mean, log_variance = normal(5, 3), normal(5, 3)
    posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
    prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    want = torch.distributions.kl_divergence(posterior, prior).sum(-1)
    got = gaussian_kl(mean, log_variance)
    torch.testing.assert_close(got, want)
    assert_same_with_gradients(got.sum(), want.sum(), [mean, log_variance])
