"""Diffusion's laws: closed-form marginals, Bayes' posterior, DDIM, an oracle's samples, packs."""

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from gensweep.lanes import Pack
from gensweep_models.catalog import CATALOG
from gensweep_models.diffusion.ddpm import Ddpm, DdpmConfig
from gensweep_models.diffusion.process import Schedule
from gensweep_models.nets.unet import UNet

SHAPES = ((2,), (1, 8, 8), (1, 28, 28), (3, 32, 32))
SMALL: dict[str, Any] = {"channels": 8, "hidden": 16, "batch_size": 8, "sample_steps": 5}


def _game(shape: tuple[int, ...], **settings: Any) -> Ddpm:
    config = DdpmConfig(**SMALL | settings)
    return Ddpm(config, SimpleNamespace(shape=shape, classes=0, count=64))


def _drawn(game: Ddpm) -> dict[str, Tensor]:
    spec = game.noise["denoiser"]
    return {"epsilon": torch.randn(spec["epsilon"].shape), "t": torch.rand(spec["t"].shape)}


def _at(time: int) -> Tensor:
    return torch.tensor([time])


@pytest.mark.parametrize("steps", [20, 100, 1000])
def test_marginals_are_the_one_step_kernel_iterated(steps: int) -> None:
    schedule, mean, variance = Schedule(steps), 1.0, 0.0
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    for t, beta in enumerate(schedule.betas().tolist(), 1):
        mean, variance = math.sqrt(1 - beta) * mean, (1 - beta) * variance + beta
        spread = schedule.marginal(zero, _at(t), one)
        assert schedule.marginal(one, _at(t), zero).item() == pytest.approx(mean, rel=1e-9)
        assert spread.square().item() == pytest.approx(variance, rel=1e-9)
    assert mean < 0.01  # nothing of the data is left, and a normal start is right


def test_a_thousand_steps_are_the_papers() -> None:
    betas = Schedule(1000).betas()
    assert betas[0].item() == pytest.approx(1e-4)
    assert betas[-1].item() == pytest.approx(0.02)


@pytest.mark.parametrize(("t", "s"), [(1, 0), (2, 1), (50, 49), (100, 99), (60, 20), (30, 0)])
def test_the_posterior_is_bayes(t: int, s: int) -> None:
    """q(xs | xt, x0) by multiplying the normal densities of xs | x0 and xt | xs."""
    schedule, x0, xt = Schedule(100), 0.7, -0.4
    kept = torch.cumprod(1 - schedule.betas(), 0).tolist()
    early, ratio = (kept[s - 1] if s else 1.0), math.prod((1 - schedule.betas()[s:t]).tolist())
    a, b = torch.tensor([[x0], [xt]], dtype=torch.float64)
    mean, variance = schedule.posterior(a, b, _at(t), _at(s))
    if s == 0:
        assert (mean.item(), variance.item()) == (pytest.approx(x0), pytest.approx(0, abs=1e-12))
        return
    precision = 1 / (1 - early) + ratio / (1 - ratio)
    known = math.sqrt(early) * x0 / (1 - early) + math.sqrt(ratio) * xt / (1 - ratio)
    assert variance.item() == pytest.approx(1 / precision, rel=1e-9)
    assert mean.item() == pytest.approx(known / precision, rel=1e-9)
    if s == t - 1:
        assert schedule.posterior(a, b, _at(t))[0].item() == pytest.approx(mean.item())


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_schedules_and_posteriors_are_the_papers_in_numpy(kind: Any) -> None:
    """arXiv:2006.11239, section 4 and equations 4, 6 and 7; arXiv:2102.09672, equation 17."""
    steps, schedule = 1000, Schedule(1000, kind)
    betas = np.linspace(1e-4, 0.02, steps)
    if kind == "cosine":
        f = np.cos((np.arange(steps + 1) / steps + 0.008) / 1.008 * np.pi / 2) ** 2
        betas = np.minimum(1 - f[1:] / f[:-1], 0.999)
    kept = np.cumprod(1 - betas)
    before = np.append(1.0, kept[:-1])
    np.testing.assert_allclose(schedule.betas().numpy(), betas, rtol=1e-9)
    t = torch.arange(1, steps + 1)
    np.testing.assert_allclose(schedule.alpha_bar(t).numpy(), kept, rtol=1e-9)
    x0, xt, noise = np.random.default_rng(0).normal(size=(3, steps))
    marginal = schedule.marginal(torch.tensor(x0), t, torch.tensor(noise))
    np.testing.assert_allclose(marginal, np.sqrt(kept) * x0 + np.sqrt(1 - kept) * noise, rtol=1e-9)
    mean, variance = schedule.posterior(torch.tensor(x0), torch.tensor(xt), t)
    wanted = np.sqrt(before) * betas * x0 + np.sqrt(1 - betas) * (1 - before) * xt
    np.testing.assert_allclose(mean, wanted / (1 - kept), rtol=1e-7, atol=1e-10)
    np.testing.assert_allclose(variance, (1 - before) / (1 - kept) * betas, rtol=1e-7, atol=1e-15)


def test_ddim_with_the_true_noise_recovers_x0() -> None:
    schedule = Schedule(100)
    x0, noise = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    for t in (1, 40, 100):
        xt = schedule.marginal(x0, torch.full((4,), t), noise)
        torch.testing.assert_close(schedule.predicted(xt, torch.full((4,), t), noise), x0)
    times = schedule.times(7)
    for t, s in pairwise(times):
        xt = schedule.ddim(x0, xt, torch.full((4,), t), torch.full((4,), s))
        torch.testing.assert_close(xt, schedule.marginal(x0, torch.full((4,), s), noise))
    torch.testing.assert_close(xt, x0)


@pytest.mark.parametrize(("sampler", "steps"), [("ddim", 100), ("ancestral", 1000)])
def test_the_perfect_denoiser_samples_the_data(sampler: Any, steps: int) -> None:
    """For N(m, s^2) data the best prediction of the noise is known; samples must be N(m, s^2).

    The ancestral sampler is right as steps grow: its variance is that of a known x0.
    """
    m, s = 0.8, 0.5
    game = _game((2,), sampler=sampler, steps=steps, sample_steps=steps)

    def denoiser(x: Tensor, time: Tensor) -> Tensor:
        kept = game.schedule.alpha_bar((time * steps).round().long())[:, None]
        total = kept * s**2 + 1 - kept
        return ((1 - kept).sqrt() * (x - kept.sqrt() * m) / total).to(x.dtype)

    torch.manual_seed(0)
    kinds = {"key": lambda shape: torch.randint(1 << 62, shape), "uniform": torch.rand}
    noise = {n: kinds[v.kind](v.shape) for n, v in game.sample_noise(4000).items()}
    x = game.sample({"denoiser": denoiser}, noise, {"truncation": torch.tensor(9.0)})
    assert x.mean().item() == pytest.approx(m, abs=0.03)
    assert x.std().item() == pytest.approx(s, rel=0.04)
    assert stats.kstest(((x - x.mean()) / x.std()).flatten().numpy(), "norm").pvalue > 1e-3


def test_a_sample_takes_the_steps_it_should() -> None:
    for shape, steps, wanted in (((2,), 0, 100), ((1, 8, 8), 0, 25), ((2,), 7, 7)):
        assert _game(shape, sample_steps=steps, sampler="ancestral").sample_steps == wanted


def test_the_start_is_truncated() -> None:
    game, seen = _game((2,), sample_steps=1), []

    def denoiser(x: Tensor, time: Tensor) -> Tensor:
        seen.append(x)
        return x

    noise = {"z": torch.rand(1000, 2)}
    game.sample({"denoiser": denoiser}, noise, {"truncation": torch.tensor(0.5)})
    assert 0.49 < float(seen[0].abs().max()) <= 0.5


@pytest.mark.parametrize("shape", SHAPES)
def test_a_gradient_step_lowers_the_loss(shape: Any) -> None:
    torch.manual_seed(0)
    game = _game(shape)
    net = game.players["denoiser"].build()
    batch, noise = {"x": torch.rand(8, *shape) * 2 - 1}, _drawn(game)
    before, _ = game.loss("denoiser", {"denoiser": net}, batch, noise, {})
    before.backward()
    torch.optim.SGD(net.parameters(), lr=0.02).step()
    after, _ = game.loss("denoiser", {"denoiser": net}, batch, noise, {})
    assert torch.isfinite(before)
    assert float(after.detach()) < float(before.detach())


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
@pytest.mark.parametrize("shape", SHAPES)
def test_samples_have_the_shape_and_range(shape: Any, sampler: Any) -> None:
    game = _game(shape, sampler=sampler)
    nets = {"denoiser": game.players["denoiser"].build()}
    kinds = {"key": lambda shape: torch.randint(1 << 62, shape), "uniform": torch.rand}
    noise = {n: kinds[v.kind](v.shape) for n, v in game.sample_noise(3).items()}
    with torch.no_grad():
        x = game.sample(nets, noise, {"truncation": torch.tensor(2.0)})
    assert x.shape == (3, *shape)
    assert len(shape) == 1 or float(x.abs().max()) <= 1


def test_the_network_sees_the_time_and_far_pixels() -> None:
    torch.manual_seed(0)
    for attention in (False, True):
        net = UNet((1, 8, 8), 8, attention)
        with torch.no_grad():
            for parameter in net.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        x = torch.randn(2, 1, 8, 8, requires_grad=True)
        early, late = (net(x, torch.full((2,), t)) for t in (0.1, 0.9))
        assert float((early - late).abs().max().detach()) > 1e-2
        (reach,) = torch.autograd.grad(early[0, 0, 0, 0], x)
        assert float(reach[0, 0, 7, 7].abs()) > 0
        assert float(reach[1].abs().max()) == 0


class _Source:
    def __init__(self, x: Tensor) -> None:
        self.x = x

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        return {"x": self.x[indices]}


@pytest.mark.parametrize(
    ("shape", "attention", "optimizer"),
    [((2,), False, "adam"), ((1, 8, 8), True, "sgd")],
)
def test_a_lane_of_three_equals_one_alone(shape: Any, attention: bool, optimizer: Any) -> None:
    """U-Nets by SGD: a bias before GroupNorm has no gradient but rounding, which Adam blows up."""
    torch.manual_seed(0)
    source = _Source(torch.rand(64, *shape) * 2 - 1)
    data = SimpleNamespace(shape=shape, classes=0, count=64)
    configs = [
        DdpmConfig(**SMALL, attention=attention, optimizer=optimizer, learning_rate=rate, ema=ema)
        for rate, ema in ((1e-3, 0.9), (3e-3, 0.99), (1e-4, 0.999))
    ]
    packs = {
        w: Pack(CATALOG["ddpm"], configs[0], data, source, width=w, trace=w > 1) for w in (1, 3)
    }
    for slot, config in enumerate(configs):
        packs[3].load(slot, config, seed=slot, budget_images=800)
    packs[1].load(0, configs[1], seed=1, budget_images=800)
    together, alone = packs[3].run(5)[1], packs[1].run(5)[0]
    assert together.metrics == pytest.approx(alone.metrics, abs=1e-4)
    stacked, single = packs[3].take(1).tensors, packs[1].take(0).tensors
    for name in ("denoiser/parameters", "denoiser/ema"):
        torch.testing.assert_close(stacked[name], single[name], rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(packs[3].sample(5)[1], packs[1].sample(5)[0], rtol=0, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 5), ("sample_steps", 101), ("sampler", "euler"), ("ema", 1.0)]
)
def test_bad_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        DdpmConfig(**{name: value})


def test_ddim_of_points_under_the_cosine_schedule_needs_another_target() -> None:
    """Predicted noise tells x0 to a factor of hundreds at the first time."""
    with pytest.raises(ValueError, match=r"target is v.*target='epsilon'.*sampler='ddim'"):
        _game((2,), noise_schedule="cosine")
    for other in ({"target": "v"}, {"sampler": "ancestral"}, {"noise_schedule": "linear"}):
        _game((2,), **{"noise_schedule": "cosine", **other})
    _game((1, 8, 8), noise_schedule="cosine")


def test_images_that_are_too_small_for_a_u_net_are_refused() -> None:
    with pytest.raises(ValueError, match=r"images are 4 x 4 or larger.*\(1, 3, 16\)"):
        _game((1, 3, 16)).players["denoiser"].build()
