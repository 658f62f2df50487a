"""The VAE's laws: the KL, the importance weighted bound, the mask, stacked equals alone."""

# torch leaves these methods untyped
# mypy: disable-error-code="no-untyped-call"
import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal
from torch.func import stack_module_state, vmap

from bound_nets import Net
from gensweep.lanes import Pack
from gensweep.metrics._verdict import IMAGE_BOUNDS
from gensweep_models.catalog import CATALOG
from gensweep_models.losses import gaussian_kl
from gensweep_models.space import Integer
from gensweep_models.variational.posterior import VariationalNet
from gensweep_models.variational.vae import VaeConfig
from small_vae import IMAGE, Drawn, draw, hyper_of, network, small_vae


def test_the_closed_form_kl_against_monte_carlo() -> None:
    mean, log_variance = torch.tensor([[0.3, -1.2]]), torch.tensor([[0.4, -0.9]])
    posterior = Normal(mean, (log_variance / 2).exp())
    torch.manual_seed(0)
    z = posterior.sample((400_000,))
    ratios = (posterior.log_prob(z) - Normal(0, 1).log_prob(z)).sum(-1)
    error = 5 * float(ratios.std()) / math.sqrt(len(z))
    assert float(ratios.mean()) == pytest.approx(float(gaussian_kl(mean, log_variance)), abs=error)


class LinearGaussian:
    """x = W z + b + scale * noise, whose posterior and marginal are known."""

    def __init__(self, scale: float) -> None:
        self.game = small_vae((3,), decoder="gaussian", latent_size=1, layers=0)
        self.net, self.hyper = network(self.game), hyper_of(1, scale=scale)
        weight, bias = torch.tensor([[0.8], [-0.5], [1.1]]), torch.tensor([0.2, 0.0, -0.4])
        precision = 1 + float(weight.square().sum()) / scale**2
        gain = weight.T / scale**2 / precision
        state = {
            "mean.weight": gain,
            "mean.bias": -gain @ bias,
            "raw.weight": torch.zeros(1, 3),
            "raw.bias": torch.tensor([-math.log(precision)]),
            "decoder.0.weight": weight,
            "decoder.0.bias": bias,
        }
        self.net.load_state_dict(state)
        covariance = weight @ weight.T + scale**2 * torch.eye(3)
        self.marginal = MultivariateNormal(bias, covariance)

    def bound(self, x: Tensor, samples: int, seed: int) -> Tensor:
        noise = draw(self.game.log_prob_noise(len(x), samples), seed)
        with torch.no_grad():
            return self.game.log_prob({"vae": self.net}, x, noise, self.hyper)


@pytest.mark.parametrize("samples", [1, 3, 120])
def test_the_bound_is_the_marginal_at_the_exact_posterior(samples: int) -> None:
    toy = LinearGaussian(0.6)
    x = 2 * torch.randn(20, 3)
    torch.testing.assert_close(toy.bound(x, samples, 0), toy.marginal.log_prob(x))


def test_the_bound_rises_with_samples_to_the_marginal() -> None:
    toy = LinearGaussian(0.6)
    with torch.no_grad():
        toy.net.mean.bias.add_(0.4)
        toy.net.raw.bias.add_(0.5)
    x = torch.randn(4000, 3)
    exact = float(toy.marginal.log_prob(x).mean())
    gaps = [exact - float(toy.bound(x, samples, 1).mean()) for samples in (1, 2, 5, 20, 200)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.3
    assert gaps[-1] == pytest.approx(0, abs=0.01)


def test_the_bound_with_one_sample_is_minus_the_loss_on_average() -> None:
    game = small_vae(binarise="dynamic", batch_size=5000)
    net, hyper = {"vae": network(game)}, hyper_of(3)
    x = torch.full((5000, *IMAGE), 0.2)
    with torch.no_grad():
        loss, metrics = game.loss("vae", net, {"x": x}, draw(game.noise["vae"]), hyper)
        bound = game.log_prob(net, x, draw(game.log_prob_noise(5000, 1), 1), hyper)
    error = 5 * float(bound.std()) / math.sqrt(5000)
    assert float(loss) == pytest.approx(-float(bound.mean()), abs=2 * error)
    torch.testing.assert_close(loss, metrics["rate"] + metrics["distortion"])


def test_the_loss_is_linear_in_the_kl_weight() -> None:
    game = small_vae()
    net, x, noise = network(game), torch.rand(6, *IMAGE), draw(game.noise["vae"])
    parameters = list(net.parameters())

    def gradient(weight: float) -> tuple[Tensor, Tensor, Drawn]:
        hyper = hyper_of(3, kl_weight=weight)
        loss, metrics = game.loss("vae", {"vae": net}, {"x": x}, noise, hyper)
        grads = torch.autograd.grad(loss, parameters)
        return loss.detach(), torch.cat([g.flatten() for g in grads]), metrics

    (one, g1, metrics), (two, g2, _), (five, g5, _) = map(gradient, (1.0, 2.0, 5.0))
    torch.testing.assert_close(two - one, metrics["rate"])
    torch.testing.assert_close(five - one, 4 * metrics["rate"])
    torch.testing.assert_close(g5 - g1, 4 * (g2 - g1), rtol=1e-3, atol=1e-5)
    assert float((g2 - g1).norm()) > 1e-3


def _padded(small: VariationalNet, big: VariationalNet) -> VariationalNet:
    """`big` with `small` as its leading blocks; elsewhere its own weights, which must not count."""
    with torch.no_grad():
        for room, source in zip(big.parameters(), small.parameters(), strict=True):
            room[tuple(slice(n) for n in source.shape)] = source
    return big


@pytest.mark.parametrize("decoder", ["bernoulli", "gaussian"])
def test_dimensions_beyond_the_latent_size_change_nothing(decoder: Any) -> None:
    small, big = small_vae(decoder=decoder), small_vae(decoder=decoder, latent_size=7)
    net = network(small)
    wide = _padded(net, network(big, 1))
    x, hyper = torch.rand(6, *IMAGE), hyper_of(3)

    def both(method: str, noise: Any, *inputs: Tensor) -> tuple[Tensor, Tensor]:
        drawn = draw(noise)
        cut = {k: n if k == "uniform" else n[..., :3] for k, n in drawn.items()}
        got = getattr(big, method)({"vae": wide}, *inputs, drawn, hyper)
        return got, getattr(small, method)({"vae": net}, *inputs, cut, hyper)

    for method, noise in (
        ("reconstruct", big.reconstruct_noise(6)),
        ("log_prob", big.log_prob_noise(6, 4)),
    ):
        torch.testing.assert_close(*both(method, noise, x))
    torch.testing.assert_close(*both("sample", big.sample_noise(6)))
    codes, expected = both("encode", {}, x)
    torch.testing.assert_close(codes[:, :3], expected)
    assert not codes[:, 3:].any()


def test_dimensions_beyond_the_latent_size_get_no_gradient() -> None:
    game = small_vae(latent_size=7)
    net, x = network(game), torch.rand(6, *IMAGE)
    game.loss("vae", {"vae": net}, {"x": x}, draw(game.noise["vae"]), hyper_of(3))[0].backward()
    first = net.decoder.get_submodule("0").weight
    assert isinstance(first, torch.nn.Parameter)
    grads = [p.grad for p in (net.mean.weight, net.raw.weight, first)]
    for grad, axis in zip(grads, (0, 0, 1), strict=True):
        assert grad is not None
        live, dead = grad.split([3, 4], axis)
        assert live.abs().sum() > 0
        assert dead.abs().sum() == 0


def test_dynamic_binarisation_keeps_the_mean_and_changes_each_time() -> None:
    game = small_vae(binarise="dynamic", batch_size=20_000)
    x = torch.linspace(-1, 1, 64).reshape(1, *IMAGE).expand(20_000, *IMAGE)
    seen = [game._target(x, draw(game.noise["vae"], seed)) for seed in (0, 1)]
    assert set(seen[0].unique().tolist()) == {0.0, 1.0}
    assert not torch.equal(seen[0], seen[1])
    torch.testing.assert_close(seen[0].mean(0), torch.linspace(0, 1, 64), atol=0.02, rtol=0)


def test_interpolation_ends_where_the_reconstructions_of_the_means_are() -> None:
    game = small_vae()
    net, hyper = {"vae": network(game)}, hyper_of(3)
    x, end = torch.rand(2, 6, *IMAGE)
    line = game.interpolate(net, x, end, torch.tensor([0.0, 0.5, 1.0]), {}, hyper)
    assert line.shape == (3, 6, *IMAGE)
    still = {"epsilon": torch.full((6, 3), 0.0)}
    for at, example in ((0, x), (2, end)):
        torch.testing.assert_close(line[at], game.reconstruct(net, example, still, hyper))


def test_truncation_to_nothing_gives_the_image_of_the_origin() -> None:
    game = small_vae()
    net = {"vae": network(game)}
    few = game.sample(net, draw(game.sample_noise(6)), hyper_of(3, truncation=1e-6))
    torch.testing.assert_close(few, few[:1].expand_as(few), atol=1e-5, rtol=0)
    many = game.sample(net, draw(game.sample_noise(6)), hyper_of(3))
    assert float(many.detach().std(0).max()) > 1e-3
    assert float(many.detach().abs().max()) <= 1


@pytest.mark.parametrize("binarise", ["none", "dynamic"])
def test_stacked_equals_alone(binarise: Any) -> None:
    game = small_vae(binarise=binarise)
    nets = [network(game, seed) for seed in range(3)]
    lanes = [draw(game.noise["vae"], seed) for seed in range(3)]
    noise = {k: torch.stack([d[k] for d in lanes]) for k in lanes[0]}
    rows = [hyper_of(n, kl_weight=w) for n, w in ((1, 0.1), (2, 1.0), (3, 10.0))]
    hyper = {k: torch.stack([r[k] for r in rows]) for k in rows[0]}
    params, buffers = stack_module_state(nets)
    x = torch.rand(3, 6, *IMAGE)

    def one(params: Any, x: Tensor, noise: Drawn, hyper: Drawn) -> Tensor:
        calls = {"vae": Net("vae", nets[0], params, {})}
        return game.loss("vae", calls, {"x": x}, noise, hyper)[0]

    losses = vmap(one)(params, x, noise, hyper)
    grads = torch.autograd.grad(losses.sum(), list(params.values()))
    assert not buffers
    for i, net in enumerate(nets):
        alone = game.loss("vae", {"vae": net}, {"x": x[i]}, lanes[i], rows[i])[0]
        torch.testing.assert_close(losses[i], alone)
        expected = torch.autograd.grad(alone, list(net.parameters()))
        for got, want in zip(grads, expected, strict=True):
            torch.testing.assert_close(got[i], want, rtol=1e-4, atol=1e-5)


class Resident:
    """Batches of given examples."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def gather(self, indices: Tensor) -> Drawn:
        return {"x": self.x[indices]}


def test_in_a_pack_the_kl_weight_trades_rate_for_distortion() -> None:
    torch.manual_seed(0)
    x = torch.bernoulli(torch.full((64, 1, 1, 1), 0.5)).expand(64, *IMAGE) * 2 - 1
    data = SimpleNamespace(shape=IMAGE, classes=0, count=64)
    base: dict[str, Any] = {
        "hidden": 16,
        "batch_size": 32,
        "binarise": "dynamic",
        "learning_rate": 1e-2,
    }
    configs = [
        VaeConfig(**base, kl_weight=0.1, latent_size=2),
        VaeConfig(**base, kl_weight=100.0, latent_size=4),
    ]
    space = {"latent_size": Integer(2, 4)}
    pack = Pack(CATALOG["vae"], configs[0], data, Resident(x), width=2, space=space)
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=slot, budget_images=32 * 300)
    pack.run(250)
    low, high = (p.metrics for p in pack.run(50).values())
    assert low["rate"] > math.log(2)
    assert high["rate"] < 0.1
    assert low["distortion"] < 5 < high["distortion"]
    game: Any = pack.game
    scored = pack.call("scores", game.scores_noise(64), {"x": x})
    active = [
        float(game.summarise({"posterior_mean": lane})["active_units"])
        for lane in scored["posterior_mean"]
    ]
    assert active[0] >= 1
    assert active[1] == 0
    bound = pack.call("log_prob", game.log_prob_noise(64, 20), x)
    assert float(bound[1].mean()) < float(bound[0].mean()) <= -math.log(2) + 0.1
    # a collapsed posterior has samples that are all alike, by which verdicts know it
    spread = pack.sample(64).var(1).mean((1, 2, 3)) / x.var(0).mean()
    assert float(spread[0]) > IMAGE_BOUNDS["collapsed_variance"] > float(spread[1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("learning_rate", 0),
        ("kl_weight", -1.0),
        ("scale", 0.0),
        ("truncation", 0.0),
        ("latent_size", 0),
        ("layers", -1),
        ("ema", 1.0),
        ("decoder", "laplace"),
        ("binarise", "static"),
        ("optimizer", "adagrad"),
    ],
)
def test_bad_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        VaeConfig(**{name: value})


def test_binarised_pixels_need_a_bernoulli_decoder() -> None:
    with pytest.raises(ValueError, match="decoder='gaussian'"):
        VaeConfig(binarise="dynamic", decoder="gaussian")


def test_points_need_a_gaussian_decoder() -> None:
    with pytest.raises(ValueError, match="choose decoder gaussian"):
        small_vae((2,))
