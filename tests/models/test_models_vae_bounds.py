"""Laws of what a VAE maximises: sampled rates, free bits, importance weights, active units."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep_models.losses import bernoulli_nll
from gensweep_models.variational.bounds import (
    active_units,
    free_bits_deficit,
    importance_bound,
    rate_metrics,
)
from gensweep_models.variational.iwae import IwaeConfig, staircase
from gensweep_models.variational.posterior import Posterior, VariationalNet
from gensweep_models.variational.vae import VaeConfig
from small_vae import IMAGE, Drawn, draw, gradient, hyper_of, network, small_vae


def _loss(game: Any, net: VariationalNet, x: Tensor, seed: int = 0, **values: float) -> Tensor:
    noise = draw(game.noise["vae"], seed)
    loss: Tensor = game.loss("vae", {"vae": net}, {"x": x}, noise, hyper_of(3, **values))[0]
    return loss.detach()


def test_a_sampled_rate_is_the_closed_form_on_average() -> None:
    torch.manual_seed(0)
    posterior = Posterior(torch.tensor([[0.3, -1.2]]), torch.tensor([[0.4, -0.9]])).of_many()
    epsilon = torch.randn(1, 400_000, 2)
    sampled = posterior.sampled_kl_each(posterior.at(epsilon), epsilon)
    error = 5 * sampled.std(1) / math.sqrt(400_000)
    assert bool(((sampled.mean(1) - posterior.kl_each()[:, 0]).abs() < error).all())


def test_a_single_sample_elbo_is_the_elbo_on_average() -> None:
    x = torch.full((5000, *IMAGE), 0.2)
    closed, drawn = (
        small_vae(batch_size=5000, kl_estimate=r) for r in ("closed_form", "monte_carlo")
    )
    net = network(closed)
    with torch.no_grad():
        torch.testing.assert_close(_loss(drawn, net, x), _loss(closed, net, x), atol=0.1, rtol=0)
        assert not torch.equal(_loss(drawn, net, x), _loss(closed, net, x))


def test_both_deviations_make_the_same_law() -> None:
    exp, soft = small_vae(layers=0), small_vae(layers=0, deviation="softplus")
    net, other = network(exp), network(soft, 1)
    other.load_state_dict(net.state_dict())
    with torch.no_grad():
        for one in (net, other):
            one.raw.weight.zero_()
        net.raw.bias.copy_(torch.tensor([-3.0, 0.0, 1.5]))
        # the softplus of it is exp(raw / 2)
        other.raw.bias.copy_((net.raw.bias / 2).exp().expm1().log())
    x = torch.rand(6, *IMAGE)
    torch.testing.assert_close(_loss(exp, net, x), _loss(soft, other, x))


def test_numbers_below_the_floor_of_free_bits_have_no_gradient_of_the_rate() -> None:
    rates = torch.tensor([[0.1, 2.0, 0.0], [0.2, 3.0, 0.0]], requires_grad=True)
    size = torch.tensor(2.0)
    for floor, lacking, slopes in ((0.5, 0.35, [0.0, 0.5]), (0.0, 0.0, [0.5, 0.5])):
        deficit = free_bits_deficit(rates, torch.tensor(floor), size)
        assert float(deficit.detach()) == pytest.approx(lacking)  # padding lacks nothing
        (found,) = torch.autograd.grad(rates.sum(-1).mean() + deficit, rates)
        assert found[:, :2].tolist() == [slopes, slopes]


def test_with_all_bits_free_the_rate_has_no_weight() -> None:
    game, x = small_vae(), torch.rand(6, *IMAGE)
    net, noise = network(game), draw(game.noise["vae"])
    one, many = (gradient(game, net, x, noise, hyper_of(3, free_bits=99.0, kl_weight=w))
                 for w in (1.0, 50.0))  # fmt: skip
    torch.testing.assert_close(one, many)
    assert not torch.allclose(one, gradient(game, net, x, noise, hyper_of(3)))


def _own_gradient(net: VariationalNet, x: Tensor, epsilon: Tensor, kl_weight: float) -> Tensor:
    """Equation 14 of arXiv:1509.00519, written out: log-weights' gradients, weighted.

    The prior's and the posterior's part of a log-weight has the weight of the KL.
    """
    target = ((x + 1) / 2).flatten(1)[:, None]
    posterior = Posterior(*net(target[:, 0])).of_many()
    z = posterior.at(epsilon)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1)
    law = torch.distributions.Normal(posterior.mean, (posterior.log_variance / 2).exp())
    out = net.decoder(z)
    told = law.log_prob(z).sum(-1) - prior
    log_weights = -bernoulli_nll(out, target.expand_as(out)) - kl_weight * told
    weighted = -(log_weights.softmax(1).detach() * log_weights).sum(1).mean()
    found = torch.autograd.grad(weighted, list(net.parameters()))
    return torch.cat([one.flatten() for one in found])


@pytest.mark.parametrize("kl_weight", [1.0, 0.2])
def test_the_gradient_of_iwae_weighs_samples_by_their_importance(kl_weight: float) -> None:
    game, x = small_vae(importance_samples=5), torch.rand(6, *IMAGE)
    net, noise = network(game), draw(game.noise["vae"])
    found = gradient(game, net, x, noise, hyper_of(3, kl_weight=kl_weight))
    wanted = _own_gradient(net, x, noise["epsilon"], kl_weight)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)


def test_the_objective_falls_with_importance_samples() -> None:
    x = torch.rand(1, *IMAGE).expand(2000, *IMAGE)
    net, losses = network(small_vae()), []
    with torch.no_grad():
        net.mean.bias.add_(1.0)
        for samples in (1, 3, 12):
            game = small_vae(batch_size=2000, importance_samples=samples, kl_estimate="monte_carlo")
            losses.append(float(_loss(game, net, x)))
    assert losses == sorted(losses, reverse=True)
    assert losses[0] - losses[-1] > 0.05


def test_one_importance_sample_is_the_single_sample_elbo() -> None:
    weights = torch.randn(7, 1)
    torch.testing.assert_close(importance_bound(weights), weights[:, 0])


def test_units_are_active_whose_mean_tells_examples_apart() -> None:
    mean = torch.tensor([[0.3, 0.0, 5.0], [-0.3, 0.1, 5.0]])
    assert float(active_units(mean)) == 1
    assert float(active_units(torch.zeros(4, 3))) == 0


@pytest.mark.parametrize("values", [{"importance_samples": 3}, {"body": "conv", "channels": 4}])
def test_padding_changes_no_loss(values: dict[str, Any]) -> None:
    small, big = small_vae(**values), small_vae(latent_size=5, **values)
    net, wide = network(small), network(big, 1)
    with torch.no_grad():
        for room, source in zip(wide.parameters(), net.parameters(), strict=True):
            room[tuple(slice(n) for n in source.shape)] = source
    noise, x = draw(big.noise["vae"]), torch.rand(6, *IMAGE)
    noise["epsilon"][..., 3:] = 0
    cut: Drawn = {"epsilon": noise["epsilon"][..., :3]}
    hyper = hyper_of(3, free_bits=0.0 if "importance_samples" in values else 0.3)
    found = [
        game.loss("vae", {"vae": one}, {"x": x}, drawn, hyper)[0].detach()
        for game, one, drawn in ((small, net, cut), (big, wide, noise))
    ]
    torch.testing.assert_close(*found)


def test_stages_of_iwae_last_three_times_as_long_as_the_one_before() -> None:
    epochs = torch.arange(3280)
    stages = [float(f) for f in staircase((epochs + 0.5) / 3280)]
    assert [sum(abs(s - 10 ** (-i / 7)) < 1e-6 for s in stages) for i in range(8)] == [
        3**i for i in range(8)
    ]
    assert IwaeConfig().schedule is staircase
    assert IwaeConfig(decay=False).schedule == "constant"


def test_free_bits_are_not_those_of_importance_weights() -> None:
    with pytest.raises(ValueError, match=r"free_bits=0\.1"):
        VaeConfig(free_bits=0.1, importance_samples=2)


def test_rates_are_told_by_the_largest_and_by_the_shares_above_bounds() -> None:
    """Of the trial's own latent numbers: those of the padding have the rate 0."""
    rates = torch.zeros(5, 6)
    rates[:, 0] = torch.tensor([4.0, 0.0, 0.0, 0.0, 1.0])
    rates[:, 2], rates[:, 3] = 0.02, 0.005
    told = rate_metrics(rates, torch.tensor(4.0))
    assert float(told["largest_rate"]) == pytest.approx(1.0)
    assert float(told["active_share"]) == 2 / 4
    assert [float(told[f"active_share.{nats}"]) for nats in ("0.1", "1")] == [1 / 4, 0]
