"""The flow's laws: bijection, Jacobian, a density that integrates to one, packs."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.metrics import bits_per_dim
from gensweep_models.catalog import CATALOG
from gensweep_models.flow.realnvp import Realnvp, RealnvpConfig
from gensweep_models.nets.coupling import masks

SHAPES = ((2,), (3,), (1, 8, 8), (3, 4, 4))
TRUNCATION = {"truncation": torch.tensor(5.0)}


def _game(shape: tuple[int, ...], **settings: Any) -> Realnvp:
    config = RealnvpConfig(**{"hidden": 16, "batch_size": 8} | settings)
    return Realnvp(config, SimpleNamespace(shape=shape, classes=0, count=64))


def _random_flow(game: Realnvp, seed: int = 0) -> Any:
    """A flow in float64 with every weight random, the zero ones too."""
    torch.manual_seed(seed)
    flow = game.players["flow"].build().double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.6 / max(4, parameter.shape[-1]) ** 0.5)
    return flow


def _pixels(count: int, shape: tuple[int, ...], levels: int) -> Tensor:
    return 2 * torch.randint(levels, (count, *shape)).double() / (levels - 1) - 1


@pytest.mark.parametrize("shape", SHAPES)
def test_the_inverse_undoes_the_flow(shape: Any) -> None:
    game = _game(shape)
    flow, x = _random_flow(game), torch.randn(9, game.size, dtype=torch.float64)
    z, forward = flow(x)
    back, backward = flow(z, inverse=True)
    assert float((z - x).abs().max().detach()) > 0.5
    torch.testing.assert_close(back, x, rtol=0, atol=1e-10)
    torch.testing.assert_close(forward, -backward, rtol=0, atol=1e-10)
    single = flow.float()
    back = single(single(x.float())[0], inverse=True)[0]
    torch.testing.assert_close(back, x.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_log_determinant_is_that_of_autograds_jacobian(shape: Any) -> None:
    game = _game(shape, levels=17)
    flow, x = _random_flow(game), _pixels(3, shape, 17) * 0.9
    noise = {"u": torch.rand(3, *shape, dtype=torch.float64)}

    def latent(x: Tensor, u: Tensor) -> Tensor:
        return game.invert({"flow": flow}, x[None], {"u": u[None]}, {})[0]

    found = game.log_prob({"flow": flow}, x, noise, {})
    for i in range(3):
        jacobian = torch.autograd.functional.jacobian(lambda x: latent(x, noise["u"][i]), x[i])  # noqa: B023
        z = latent(x[i], noise["u"][i])
        normal = torch.distributions.Normal(0, 1).log_prob(z).sum()
        volume = torch.linalg.slogdet(jacobian.reshape(game.size, game.size))[1]
        torch.testing.assert_close(found[i], normal + volume, rtol=1e-9, atol=1e-9)


def test_the_density_integrates_to_one() -> None:
    game, step = _game((2,)), 0.08
    axis = torch.arange(-12, 12, step, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    for seed in range(2):
        flow = _random_flow(game, seed).requires_grad_(False)
        density = game.log_prob({"flow": flow}, grid, {}, {}).exp()
        assert float(density.sum()) * step**2 == pytest.approx(1, abs=2e-3)


def test_samples_have_the_density() -> None:
    game = _game((2,), couplings=4)
    nets = {"flow": _random_flow(game).requires_grad_(False)}
    noise = torch.rand(40_000, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x = game.sample(nets, {"z": noise}, {"truncation": torch.tensor(9.0)}).double()
    axis = torch.arange(-12, 12, 0.08, dtype=torch.float64) + 0.04
    grid = torch.cartesian_prod(axis, axis)
    mass = game.log_prob(nets, grid, {}, {}).exp() * 0.08**2
    for region in (lambda p: p[:, 0] > 0, lambda p: p[:, 1] > 0.5, lambda p: p.norm(dim=1) < 1):
        expected, found = float(mass[region(grid)].sum()), float(region(x).double().mean())
        assert 0.05 < expected < 0.95
        assert found == pytest.approx(expected, abs=5 * math.sqrt(0.25 / 40_000))


def test_every_coordinate_is_transformed() -> None:
    for shape in SHAPES:
        first, second = masks(shape, 2)
        torch.testing.assert_close(first + second, torch.ones(math.prod(shape)))
        assert 0 < first.sum() < first.numel()


def test_pixels_come_back_and_samples_lie_on_levels() -> None:
    game = _game((1, 8, 8), levels=17)
    nets, x = {"flow": _random_flow(game).requires_grad_(False)}, _pixels(8, (1, 8, 8), 17)
    noise = {"u": torch.rand(8, 1, 8, 8, dtype=torch.float64)}
    z = game.invert(nets, x, noise, {})
    back = game._quantised(nets["flow"](z, inverse=True)[0])
    torch.testing.assert_close(back, x)
    samples = game.sample(nets, {"z": torch.rand(8, 64).double()}, TRUNCATION)
    level = (samples + 1) * 8
    torch.testing.assert_close(level, level.round(), rtol=0, atol=1e-4)
    assert samples.shape == (8, 1, 8, 8)
    assert float(samples.abs().max()) <= 1


def test_a_uniform_density_costs_log2_of_the_levels() -> None:
    """A flow onto the logistic law would be uniform in v; here the constant parts by hand."""
    game = _game((1, 8, 8), levels=256)
    x, u = _pixels(4, (1, 8, 8), 256), torch.rand(4, 1, 8, 8, dtype=torch.float64)
    y, volume = game._dequantised(x, {"u": u})
    uniform = torch.log(y.sigmoid() * (1 - y.sigmoid()) / 0.9).sum(-1)  # of y, v uniform
    bits = bits_per_dim(uniform + volume, 64, scale=127.5)
    torch.testing.assert_close(bits, torch.full((4,), 8.0, dtype=torch.float64))


def test_the_data_say_their_levels() -> None:
    data = SimpleNamespace(shape=(1, 8, 8), classes=10, count=10, levels=16)
    assert Realnvp(RealnvpConfig(), data).levels == 17
    assert Realnvp(RealnvpConfig(levels=32), data).levels == 32


class _Source:
    def __init__(self, x: Tensor) -> None:
        self.x = x

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        return {"x": self.x[indices]}


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
def test_a_lane_of_three_equals_one_alone(shape: Any) -> None:
    torch.manual_seed(0)
    source = _Source(_pixels(64, shape, 256).float())
    data = SimpleNamespace(shape=shape, classes=0, count=64)
    configs = [
        RealnvpConfig(hidden=16, batch_size=8, couplings=4, learning_rate=r, weight_decay=d)
        for r, d in ((1e-3, 0.0), (3e-3, 0.1), (1e-4, 0.01))
    ]
    packs = {
        w: Pack(CATALOG["realnvp"], configs[0], data, source, width=w, trace=False) for w in (1, 3)
    }
    for slot, config in enumerate(configs):
        packs[3].load(slot, config, seed=slot, budget_images=800)
    packs[1].load(0, configs[1], seed=1, budget_images=800)
    together, alone = packs[3].run(5)[1], packs[1].run(5)[0]
    assert together.metrics == pytest.approx(alone.metrics, abs=1e-4)
    for a, b in zip(packs[3].take(1).tensors.items(), packs[1].take(0).tensors.items()):  # noqa: B905
        assert a[0] == b[0]
        torch.testing.assert_close(a[1], b[1], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(packs[3].sample(5)[1], packs[1].sample(5)[0], rtol=0, atol=0.02)
    noise = _game(shape).log_prob_noise(6)
    one, other = (packs[w].call("log_prob", noise, source.x[:6])[w // 3] for w in (1, 3))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize(("name", "value"), [("couplings", 1), ("weight_decay", -1), ("levels", 1)])
def test_bad_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        RealnvpConfig(**{name: value})
