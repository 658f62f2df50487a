"""Laws of a diffusion's likelihood: grey levels' probabilities, the bound, learned variances."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bound_nets import bind
from gensweep_models.diffusion.bound import TIMES, bound_times, grey_nll, normal_kl, normal_nll
from gensweep_models.diffusion.ddpm import Ddpm, DdpmConfig
from gensweep_models.diffusion.process import Schedule, Target

MEAN, DEVIATION = 0.8, 0.5
HYPER = {"truncation": torch.tensor(9.0), "bound_weight": torch.tensor(1e-3)}


def game_of(shape: tuple[int, ...] = (2,), **settings: Any) -> Ddpm:
    small = {"channels": 8, "hidden": 16, "layers": 1, "batch_size": 8, "sampler": "ancestral"}
    return Ddpm(DdpmConfig(**small | settings), SimpleNamespace(shape=shape, classes=0, count=64))


def drawn(noise: Any) -> dict[str, Tensor]:
    kinds = {
        "normal": torch.randn,
        "uniform": torch.rand,
        "key": lambda s: torch.randint(1 << 62, s),
    }
    return {name: kinds[one.kind](one.shape) for name, one in noise.items()}


def oracle(schedule: Schedule, mean: float, deviation: float, target: Target = "epsilon") -> Any:
    """The best prediction for data N(mean, deviation^2)."""

    def denoiser(x: Tensor, time: Tensor) -> Tensor:
        t = (time * schedule.steps).round().long()
        kept = schedule.alpha_bar(t)[:, None]
        total = kept * deviation**2 + 1 - kept
        x0 = mean + kept.sqrt() * deviation**2 * (x - kept.sqrt() * mean) / total
        return schedule.target(target, x0, t, schedule.noise_in(x0, x, t)).to(x.dtype)

    return {"denoiser": denoiser}


@pytest.mark.parametrize(("mean", "spread"), [(0.1, -2.0), (0.97, -8.0), (-1.4, -6.0), (0.0, 3.0)])
@pytest.mark.parametrize("levels", [1, 16, 255])
def test_probabilities_of_grey_levels_sum_to_one(mean: float, spread: float, levels: int) -> None:
    x = 2 * torch.arange(levels + 1.0)[:, None] / levels - 1
    nll = grey_nll(x, torch.full_like(x, mean), torch.full_like(x, spread), levels)
    assert bool(nll.isfinite().all())
    assert float((-nll.double()).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_a_grey_level_has_about_its_density_times_its_width() -> None:
    x = 2 * torch.tensor([[100.0, 127.0, 140.0]]) / 255 - 1
    mean, spread = torch.full_like(x, 0.1), torch.full_like(x, -3.0)
    density = normal_nll(x, mean, spread) - 3 * math.log(2 / 255)
    torch.testing.assert_close(grey_nll(x, mean, spread, 255), density, rtol=0, atol=1e-3)


def test_the_divergence_is_that_of_torch() -> None:
    mean, other, spread, log_other = torch.randn(4, 5, 3).unbind()
    laws = [
        torch.distributions.Normal(m, (s / 2).exp())
        for m, s in ((mean, spread), (other, log_other))
    ]
    wanted = torch.distributions.kl_divergence(*laws).sum(1)
    torch.testing.assert_close(normal_kl(mean, spread, other, log_other), wanted)


@pytest.mark.parametrize("steps", [20, 100, 1000])
@pytest.mark.parametrize("term", [lambda t: 1 / t, lambda t: t / 1000, lambda t: (t == 2) * 1.0])
def test_the_estimated_sum_has_the_sum_as_its_mean(steps: int, term: Callable[..., Any]) -> None:
    uniform = ((torch.arange(20_000.0) + 0.5) / 20_000)[:, None].expand(-1, TIMES)
    times, weights = bound_times(uniform, steps)
    assert int(times.min()) == 2
    assert int(times.max()) == steps
    found = float((weights.double() * term(times.double())).sum(1).mean())
    assert found == pytest.approx(float(sum(term(t) for t in range(2, steps + 1))), rel=2e-2)


def _bound_and_truth(
    game: Ddpm, mean: float, deviation: float, nets: Any = None
) -> tuple[float, float]:
    torch.manual_seed(0)
    x = mean + deviation * torch.randn(3000, 2)
    nets = nets or oracle(game.schedule, mean, deviation, game.config.target)
    found = game.log_prob(nets, x, drawn(game.log_prob_noise(len(x))), HYPER)
    truth = torch.distributions.Normal(mean, deviation).log_prob(x).sum(1)
    return float(found.mean()), float(truth.mean())


@pytest.mark.parametrize("target", ["epsilon", "v"])
def test_the_bound_nears_the_likelihood_from_below(target: Any) -> None:
    """Of the smaller variance it stays below: its first steps are too sure, however many."""
    gaps = []
    for steps in (20, 100, 1000):
        game = game_of(steps=steps, target=target, variance="large")
        bound, truth = _bound_and_truth(game, MEAN, DEVIATION)
        gaps.append(truth - bound)
    assert gaps[0] > gaps[1] > gaps[2] > -0.02
    assert gaps[2] < 0.05
    small, truth = _bound_and_truth(game_of(steps=1000), MEAN, DEVIATION)
    assert 0.1 < truth - small < 2


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_the_bound_is_the_likelihood_with_the_best_variance(schedule: Any) -> None:
    """The reverse steps of normal data are normal, with a variance between the bounds."""
    game = game_of(steps=20, variance="learned", noise_schedule=schedule)
    mean_of = oracle(game.schedule, MEAN, DEVIATION)["denoiser"]

    def denoiser(x: Tensor, time: Tensor) -> Tensor:
        t = (time * 20).round().long()
        one = torch.ones(len(t), 1, dtype=torch.float64)
        kept = game.schedule.alpha_bar(t)[:, None]
        left = DEVIATION**2 * (1 - kept) / (kept * DEVIATION**2 + 1 - kept)
        weight, own = game.schedule.posterior(one, 0 * one, t)
        least, most = game.schedule.variances(t, t - 1, one)
        share = ((own + weight.square() * left) / least).log() / (most / least).log()
        raw = torch.logit(share) / 2
        return torch.cat([mean_of(x, time), raw.expand(-1, 2).to(x.dtype)], 1)

    bound, truth = _bound_and_truth(game, MEAN, DEVIATION, {"denoiser": denoiser})
    assert bound == pytest.approx(truth, abs=0.03)


def test_the_bound_of_white_noise_is_tight_with_the_large_variance() -> None:
    """Its reverse steps are normal with that variance, however few; arXiv:2006.11239, 3.2."""
    found = {v: _bound_and_truth(game_of(steps=20, variance=v), 0, 1) for v in ("small", "large")}
    assert found["large"][0] == pytest.approx(found["large"][1], abs=0.02)
    assert found["small"][0] < found["small"][1] - 0.1


def test_images_have_the_probability_of_their_grey_levels() -> None:
    """A denoiser that knows the image leaves the bits of the decoder and of the prior alone."""
    x = 2 * torch.randint(0, 17, (4, 1, 8, 8)) / 16 - 1
    game = game_of((1, 8, 8), target="x0")
    game.levels = 17
    nets: Any = {"denoiser": lambda noisy, time: x.repeat_interleave(len(noisy) // len(x), 0)}
    found = game.bits_per_dim(-game.log_prob(nets, x, drawn(game.log_prob_noise(4)), HYPER))
    assert float(found.max()) < 0.05  # of levels that lie 2.3 deviations off
    shifted = {"denoiser": lambda noisy, time: 0 * noisy}
    worse = game.log_prob(shifted, x, drawn(game.log_prob_noise(4)), HYPER)
    assert float(game.bits_per_dim(-worse).min()) > 1


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_a_learned_variance_lies_between_its_bounds(schedule: Any) -> None:
    game = game_of(variance="learned", noise_schedule=schedule)
    x, out = torch.randn(50, 2), 5 * torch.randn(50, 4)
    for t in (1, 2, 50, 100):
        time = torch.full((50,), t)
        _, between = game.output({"denoiser": lambda *a: out}, x, time, {})
        spread = game.log_variance(x, time, time - 1, between)
        least, most = (v.log() for v in game.schedule.variances(time, time - 1, x))
        assert bool((spread >= least - 1e-5).all())
        assert bool((spread <= most + 1e-5).all())
        assert float(least[0]) < float(most[0]) or t == 1


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_the_bound_teaches_the_variance_alone(shape: Any) -> None:
    torch.manual_seed(0)
    game = game_of(shape, variance="learned", noise_schedule="cosine")
    module = game.players["denoiser"].build()
    last: Any = list(module.modules())[-1]
    if len(shape) == 3:
        last = module.out
        torch.nn.init.normal_(last.weight, std=0.1)
    noise, x = drawn(game.noise["denoiser"]), torch.rand(8, *shape) * 2 - 1
    grads = []
    for weight in (0.0, 1.0):
        hyper = {"bound_weight": torch.tensor(weight)}
        nets = {"denoiser": bind("denoiser", module)}
        loss, metrics = game.loss("denoiser", nets, {"x": x}, noise, hyper)
        assert metrics["bound"].isfinite()
        grads.append(torch.autograd.grad(loss, last.weight)[0].chunk(2))
    (mean, spread), (same, taught) = grads
    torch.testing.assert_close(mean, same)
    assert float(mean.abs().max()) > 0
    assert float(spread.abs().max()) == 0
    assert float(taught.abs().max()) > 0


def test_the_bound_that_is_learned_from_is_the_likelihoods() -> None:
    """Of uniform times T terms have the sum over all as their mean; both are in bits/dim."""
    torch.manual_seed(0)
    game = game_of(steps=20, variance="learned", batch_size=100_000)
    mean_of = oracle(game.schedule, MEAN, DEVIATION)["denoiser"]
    nets: Any = {"denoiser": lambda x, t: torch.cat([mean_of(x, t), torch.zeros_like(x)], 1)}
    x = MEAN + DEVIATION * torch.randn(5000, 2)
    each = {"t": ((torch.arange(20) + 0.5) / 20).repeat_interleave(5000)}
    noise = drawn(game.noise["denoiser"]) | each
    _, metrics = game.loss("denoiser", nets, {"x": x.repeat(20, 1)}, noise, HYPER)
    found = game.log_prob(nets, x, drawn(game.log_prob_noise(len(x))), HYPER)
    wanted = game.bits_per_dim(-found - game._prior_gap(x))  # that gap is of no step
    assert float(metrics["bound"]) == pytest.approx(float(wanted.mean()), rel=0.05)


def test_each_target_is_the_same_network_told_otherwise() -> None:
    schedule, torch_noise = Schedule(100), torch.randn(6, 2, dtype=torch.float64)
    x0, t = torch.randn(6, 2, dtype=torch.float64), torch.tensor([1, 2, 10, 50, 90, 100])
    xt = schedule.marginal(x0, t, torch_noise)
    for target in ("epsilon", "x0", "v"):
        out = schedule.target(target, x0, t, torch_noise)
        torch.testing.assert_close(schedule.denoised(target, xt, t, out), x0)
    torch.testing.assert_close(schedule.noise_in(x0, xt, t), torch_noise)
    angle = schedule.alpha_bar(t).sqrt().acos()[:, None]
    turned = angle.cos() * torch_noise - angle.sin() * x0  # d xt / d angle
    torch.testing.assert_close(schedule.target("v", x0, t, torch_noise), turned)
    samples = []
    for target in ("epsilon", "x0", "v"):
        torch.manual_seed(0)
        game = game_of(sampler="ancestral", sample_steps=10, target=target)
        nets, noise = oracle(game.schedule, 0.8, 0.5, target), drawn(game.sample_noise(5))
        samples.append(game.sample(nets, noise, HYPER))
    torch.testing.assert_close(samples[1], samples[0], rtol=0, atol=1e-4)
    torch.testing.assert_close(samples[2], samples[0], rtol=0, atol=1e-4)


def test_the_cosine_schedule_is_the_papers() -> None:
    """arXiv:2102.09672, equation 17, up to where betas are bounded."""
    schedule = Schedule(1000, "cosine")
    f = [math.cos((t / 1000 + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(1000)]
    found = schedule.alpha_bar(torch.arange(1000)).tolist()
    assert found == pytest.approx([one / f[0] for one in f], rel=1e-9)
    assert float(schedule.betas().max()) == pytest.approx(0.999)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_ddim_leads_back_to_the_code_of_an_example(schedule: Any) -> None:
    """The code of normal data is (x - mean) / deviation, as that of their probability flow."""
    torch.manual_seed(0)
    x, end = MEAN + DEVIATION * torch.randn(2, 40, 2)
    errors, ends = [], []
    for steps in (30, 200):
        game = game_of(steps=200, sample_steps=steps, noise_schedule=schedule)
        nets = oracle(game.schedule, MEAN, DEVIATION)
        code = game.invert(nets, x, {}, HYPER)
        assert torch.equal(code, game.invert(nets, x, {}, HYPER))
        errors.append(float((code - (x - MEAN) / DEVIATION).abs().max()))
        way = game.interpolate(nets, x, end, torch.tensor([0.0, 1.0]), {}, HYPER)
        ends.append(float((way - torch.stack([x, end])).abs().max()))
    assert errors[1] < 0.15
    assert errors[1] < errors[0] / 2
    assert ends[1] < 0.1
