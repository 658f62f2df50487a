"""What every flow keeps: a bijection, its Jacobian, a density, samples that have it."""

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bound_nets import bind
from gensweep.metrics import bits_per_dim
from gensweep_models.catalog import CATALOG
from gensweep_models.flow.glow import Glow, GlowConfig
from gensweep_models.flow.priors import draw_prior, log_prior
from gensweep_models.flow.realnvp import Realnvp, RealnvpConfig
from gensweep_models.nets.coupling import masks
from gensweep_models.nets.multiscale import Squeeze

SMALL = {"batch_size": 8, "hidden": 16, "layers": 2, "channels": 8, "blocks": 1}
VARIANTS: dict[str, tuple[str, dict[str, Any], tuple[tuple[int, ...], ...]]] = {
    "nice": ("nice", {}, ((2,), (3,), (1, 8, 8))),
    "nice_normal": ("nice", {"prior": "normal"}, ((2,),)),
    "realnvp": ("realnvp", {"body": "mlp"}, ((2,), (3,), (1, 8, 8), (3, 4, 4))),
    "realnvp_conv": ("realnvp", {"body": "conv"}, ((1, 8, 8), (3, 4, 4))),
    "glow": ("glow", {"couplings": 2}, ((1, 8, 8), (3, 4, 4), (1, 6, 4))),
    "glow_one_scale": ("glow", {"couplings": 2, "scales": 1}, ((1, 4, 4),)),
    "variational": ("realnvp", {"dequantisation": "variational", "body": "mlp"}, ((1, 4, 4),)),
}
CASES = [
    pytest.param(variant, shape, id=f"{variant}-{shape}")
    for variant, (_, _, shapes) in VARIANTS.items()
    for shape in shapes
]
every_flow = pytest.mark.parametrize(("variant", "shape"), CASES)
of_points = pytest.mark.parametrize(
    "variant", [name for name, (_, _, shapes) in VARIANTS.items() if (2,) in shapes]
)
FREE = {"truncation": torch.tensor(40.0), "temperature": torch.tensor(1.0)}


def _game(variant: str, shape: tuple[int, ...], **settings: Any) -> Any:
    name, values, _ = VARIANTS[variant]
    known = CATALOG[name].config.__dataclass_fields__
    chosen = {key: value for key, value in SMALL.items() if key in known} | values | settings
    data = SimpleNamespace(shape=shape, classes=0, count=64, levels=settings.get("levels", 256) - 1)
    return CATALOG[name].game(CATALOG[name].config(**chosen), data)


def _random_flow(game: Any, seed: int = 0) -> Any:
    """A flow in float64 with every weight random, the zero ones too, in evaluation mode."""
    torch.manual_seed(seed)
    flow = game.players["flow"].build().double().eval()
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            small = 0.1 if name.endswith(("upper", "lower", "gain", "log_scale")) else 0.6
            spread = small / max(4, parameter[0].numel() if parameter.dim() else 4) ** 0.5
            parameter.add_(torch.randn_like(parameter) * spread)
    return flow.requires_grad_(False)


def _nets(game: Any, seed: int = 0) -> dict[str, Any]:
    return {"flow": bind("flow", _random_flow(game, seed))}


def _pixels(count: int, shape: tuple[int, ...], levels: int) -> Tensor:
    return 2 * torch.randint(levels, (count, *shape)).double() / (levels - 1) - 1


@every_flow
def test_the_inverse_undoes_the_flow(variant: str, shape: Any) -> None:
    game = _game(variant, shape)
    flow, x = _random_flow(game), torch.randn(9, game.size, dtype=torch.float64)
    z, volume = flow(x)
    back, returned = flow(z, inverse=True)
    assert float((z - x).abs().max()) > 0.3
    torch.testing.assert_close(back, x, rtol=0, atol=1e-10)
    torch.testing.assert_close(returned, -volume, rtol=0, atol=1e-9)
    assert float(volume.abs().min()) > 1e-3
    single = flow.float()
    back = single(single(x.float())[0], inverse=True)[0]
    torch.testing.assert_close(back, x.float(), rtol=0, atol=1e-4)


@pytest.mark.parametrize("variant", ["realnvp", "realnvp_conv", "glow"])
def test_samples_far_from_data_are_finite(variant: str) -> None:
    game = _game(variant, (1, 8, 8), levels=17)
    flow = _random_flow(game).float()
    with torch.no_grad():
        for name, parameter in flow.named_parameters():
            if "conv3" in name or "law" in name or "factor" in name:
                parameter.mul_(100)
    noise = torch.rand(64, game.size, generator=torch.Generator().manual_seed(0))
    x = game.sample({"flow": bind("flow", flow)}, {"z": noise}, FREE)
    assert x.isfinite().all()
    assert float(x.abs().max()) <= 1


@every_flow
def test_the_log_determinant_is_that_of_autograds_jacobian(variant: str, shape: Any) -> None:
    game = _game(variant, shape)
    flow, x = _random_flow(game), torch.randn(2, game.size, dtype=torch.float64)
    found = flow(x)[1]
    for one, volume in zip(x, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(lambda x: flow(x[None])[0][0], one)
        torch.testing.assert_close(volume, torch.linalg.slogdet(jacobian)[1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("variant", ["nice", "realnvp", "glow"])
def test_the_density_of_images_counts_every_map_to_the_latent(variant: str) -> None:
    shape = (1, 4, 4)
    game = _game(variant, shape, levels=17)
    nets, x = _nets(game), _pixels(2, shape, 17) * 0.9
    noise = {"u": torch.rand(2, *shape, dtype=torch.float64)}

    def latent(x: Tensor, u: Tensor) -> Tensor:
        found: Tensor = game.invert(nets, x[None], {"u": u[None]}, {})[0]
        return found

    found = game.log_prob(nets, x, noise, {})
    for i in range(2):
        jacobian = torch.autograd.functional.jacobian(lambda x: latent(x, noise["u"][i]), x[i])  # noqa: B023
        prior = log_prior(game.prior, latent(x[i], noise["u"][i])[None])[0]
        volume = torch.linalg.slogdet(jacobian.reshape(game.size, game.size))[1]
        torch.testing.assert_close(found[i], prior + volume, rtol=1e-9, atol=1e-9)


@of_points
def test_the_density_integrates_to_one(variant: str) -> None:
    game, step = _game(variant, (2,)), 0.1
    axis = torch.arange(-18, 18, step, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    density = game.log_prob(_nets(game), grid, {}, {}).exp()
    assert float(density.sum()) * step**2 == pytest.approx(1, abs=2e-3)


@of_points
def test_samples_have_the_density(variant: str) -> None:
    game = _game(variant, (2,), couplings=4)
    nets = _nets(game)
    noise = torch.rand(40_000, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    x = game.sample(nets, {"z": noise}, FREE).double()
    axis = torch.arange(-18, 18, 0.1, dtype=torch.float64) + 0.05
    grid = torch.cartesian_prod(axis, axis)
    mass = game.log_prob(nets, grid, {}, {}).exp() * 0.1**2
    for region in (lambda p: p[:, 0] > 0, lambda p: p[:, 1] > 0.5, lambda p: p.norm(dim=1) < 1):
        expected, found = float(mass[region(grid)].sum()), float(region(x).double().mean())
        assert 0.02 < expected < 0.98
        assert found == pytest.approx(expected, abs=5 * math.sqrt(0.25 / 40_000) + 2e-3)


def test_every_coordinate_is_transformed() -> None:
    for shape in ((2,), (3,), (1, 8, 8), (3, 4, 4)):
        first, second = masks(shape, 2)
        torch.testing.assert_close(first + second, torch.ones(math.prod(shape)))
        assert 0 < first.sum() < first.numel()


def _is_checkerboard(mask: Tensor) -> bool:
    """Whether maps [C, H, W] of 0 and 1 change from each pixel to the next, down and across."""
    down, across = mask[:, 1:] - mask[:, :-1], mask[:, :, 1:] - mask[:, :, :-1]
    return bool((down.abs() == 1).all() and (across.abs() == 1).all())


def _kind(step: Any) -> str:
    if isinstance(step, Squeeze):
        return "squeeze"
    maps = step.mask
    if _is_checkerboard(maps):
        return "checkerboard"
    assert torch.equal(maps, maps[:, :1, :1].expand_as(maps))  # whole channels
    assert float(maps.mean()) == 0.5
    return "channels"


def test_masks_of_images_begin_with_checkerboards() -> None:
    for shape in ((1, 8, 8), (3, 4, 6)):
        kinds = [_is_checkerboard(mask.reshape(shape)) for mask in masks(shape, 4)]
        assert kinds == [True, True, False, False]


@pytest.mark.parametrize(("shape", "scales"), [((1, 8, 8), 2), ((3, 16, 16), 3)])
def test_a_scale_of_realnvp_has_three_couplings_of_each_kind(shape: Any, scales: int) -> None:
    """Figure 4 of arXiv:1605.08803: the last scale has four checkerboards alone."""
    flow = _game("realnvp_conv", shape).players["flow"].build()
    found = [[_kind(step) for step in scale.steps] for scale in flow.scales]
    between = ["checkerboard"] * 3 + ["squeeze"] + ["channels"] * 3
    assert found == [between] * (scales - 1) + [["checkerboard"] * 4]
    for scale in flow.scales:  # masks take turns
        turns = [step.mask for step in scale.steps if not isinstance(step, Squeeze)]
        pairs = [(a, b) for a, b in pairwise(turns) if a.shape == b.shape]
        assert all(torch.equal(a + b, torch.ones_like(a)) for a, b in pairs)


@pytest.mark.parametrize("variant", ["nice", "realnvp", "realnvp_conv", "glow"])
def test_pixels_come_back_and_samples_lie_on_levels(variant: str) -> None:
    game = _game(variant, (1, 8, 8), levels=17)
    nets, x = _nets(game), _pixels(8, (1, 8, 8), 17)
    noise = {"u": torch.rand(8, 1, 8, 8, dtype=torch.float64)}
    line = game.interpolate(nets, x, x.flip(0), torch.tensor([0.0, 1.0]).double(), noise, {})
    torch.testing.assert_close(line[0], x)
    single = {"flow": bind("flow", _random_flow(game).float())}
    samples = game.sample(single, {"z": torch.rand(8, 64)}, FREE)
    level = (samples + 1) * 8
    torch.testing.assert_close(level, level.round(), rtol=0, atol=1e-4)
    assert samples.shape == (8, 1, 8, 8)
    assert float(samples.abs().max()) <= 1


@pytest.mark.parametrize("variant", ["nice", "realnvp"])
def test_a_uniform_density_costs_log2_of_the_levels(variant: str) -> None:
    game = _game(variant, (1, 8, 8), levels=256)
    x, u = _pixels(4, (1, 8, 8), 256), torch.rand(4, 1, 8, 8, dtype=torch.float64)
    y, volume = game.pixels.dequantised(x, u)
    uniform = torch.zeros(4, dtype=torch.float64)  # of y, where v is uniform
    if game.alpha:
        uniform = torch.log(y.sigmoid() * (1 - y.sigmoid()) / 0.9).sum(-1)
    bits = bits_per_dim(uniform + volume, 64, scale=127.5)
    torch.testing.assert_close(bits, torch.full((4,), 8.0, dtype=torch.float64))


@pytest.mark.parametrize("name", ["realnvp", "glow"])
def test_fewer_levels_than_the_data_has_are_levels(name: str) -> None:
    """No density may tell two examples of one level apart: its bits were those of coarser data."""
    data = SimpleNamespace(shape=(1, 8, 8), classes=0, count=10, levels=255)
    game: Any = CATALOG[name].game(CATALOG[name].config(levels=2), data)
    x, u = torch.rand(4, 1, 8, 8) * 2 - 1, torch.rand(4, 1, 8, 8)
    y, _ = game.pixels.dequantised(x, u)
    shown, _ = game.pixels.dequantised((x > 0).float() * 2 - 1, u)
    torch.testing.assert_close(y, shown)
    torch.testing.assert_close(game.pixels.quantised(y).reshape(x.shape), x.sign())


def test_both_dequantisations_bound_the_same_probability() -> None:
    """exp(log p(x, u) - log q(u | x)) has one mean, whatever q is: that of the grey levels."""
    shape, count = (1, 2, 2), 200_000
    uniform = _game("realnvp", shape, levels=5)
    learned = _game("variational", shape, levels=5)
    nets = _nets(learned)
    x = _pixels(1, shape, 5).expand(count, *shape)
    generator = torch.Generator().manual_seed(0)
    draws = {
        uniform: torch.rand(count, *shape, generator=generator, dtype=torch.float64),
        learned: torch.randn(count, *shape, generator=generator, dtype=torch.float64),
    }
    found = [game.log_prob(nets, x, {"u": u}, {}).exp() for game, u in draws.items()]
    means, errors = zip(*[(one.mean(), one.std() / count**0.5) for one in found], strict=True)
    assert float(errors[1] / means[1]) < 0.05
    assert abs(float(means[0] - means[1])) < 4 * float(errors[0] + errors[1])
    assert found[0].log().mean() != found[1].log().mean()


def test_temperature_scales_the_latent() -> None:
    game = _game("nice", (2,))
    flow = bind("flow", game.players["flow"].build().eval())  # begins as the identity
    noise = {"z": torch.rand(2_000, 2)}
    hot, cold = (
        game.sample({"flow": flow}, noise, FREE | {"temperature": torch.tensor(t)})
        for t in (1.0, 0.5)
    )
    torch.testing.assert_close(cold, hot / 2)


@pytest.mark.parametrize("prior", ["normal", "logistic"])
def test_priors_are_those_of_torch(prior: Any) -> None:
    one = torch.distributions
    uniform = one.Uniform(torch.tensor(0.0).double(), torch.tensor(1.0).double())
    logistic = one.TransformedDistribution(uniform, [one.transforms.SigmoidTransform().inv])
    law = one.Normal(0, 1) if prior == "normal" else logistic
    z = torch.linspace(-6, 6, 25).double()
    torch.testing.assert_close(log_prior(prior, z[:, None]), law.log_prob(z))
    u = torch.rand(20_000, generator=torch.Generator().manual_seed(0))
    drawn = draw_prior(prior, u, torch.tensor(1.5))
    assert float(drawn.abs().max()) <= 1.5
    inside = law.cdf(torch.tensor(1.5).double()) * 2 - 1
    share = (law.cdf(torch.tensor(0.7).double()) * 2 - 1) / inside
    assert float((drawn.abs() < 0.7).double().mean()) == pytest.approx(float(share), abs=0.015)


def test_actnorm_takes_its_first_batch_alone() -> None:
    game = _game("glow", (1, 8, 8))
    flow = game.players["flow"].build().train()
    first = torch.randn(64, 64) * 3 + 5
    norm = flow.scales[0].steps[1]
    found, _ = norm(torch.nn.functional.pixel_unshuffle(first.reshape(-1, 1, 8, 8), 2))
    torch.testing.assert_close(found.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-4)
    torch.testing.assert_close(found.var((0, 2, 3), correction=0), torch.ones(4))
    # a second batch of another mean and spread is standardised by the first one's
    other = torch.randn(64, 4, 4, 4) / 2 - 1
    maps = torch.nn.functional.pixel_unshuffle(first.reshape(-1, 1, 8, 8), 2)
    mean, std = (one[:, None, None] for one in (maps.mean((0, 2, 3)), maps.std((0, 2, 3))))
    again = norm(other)[0].detach()
    torch.testing.assert_close(again, (other - mean) / std, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(norm.eval()(other)[0], again)


def test_a_1x1_convolution_begins_as_a_rotation() -> None:
    game = _game("glow", (3, 4, 4))
    conv = game.players["flow"].build().scales[0].steps[2]
    x = torch.randn(5, 12, 2, 2)
    y, volume = conv(x)
    torch.testing.assert_close(y.flatten(1).norm(dim=1), x.flatten(1).norm(dim=1))
    torch.testing.assert_close(volume, torch.zeros(5), rtol=0, atol=1e-4)


def test_halves_that_leave_have_the_law_that_the_others_tell() -> None:
    game = _game("glow", (1, 8, 8))
    flow = _random_flow(game)
    split = flow.splits[0]
    x = torch.randn(2, 4, 4, 4, dtype=torch.float64)
    kept, z, volume = split(x)
    mean, scale = split.law(kept).chunk(2, 1)
    law = torch.distributions.Normal(mean, scale.exp())
    density = torch.distributions.Normal(0, 1).log_prob(z).flatten(1).sum(1) + volume
    torch.testing.assert_close(density, law.log_prob(x[:, 2:]).flatten(1).sum(1))


def test_the_data_say_their_levels() -> None:
    data = SimpleNamespace(shape=(1, 8, 8), classes=10, count=10, levels=16)
    assert Realnvp(RealnvpConfig(), data).levels == 17
    assert Realnvp(RealnvpConfig(levels=32), data).levels == 32


@pytest.mark.parametrize(("name", "value"), [("couplings", 1), ("weight_decay", -1), ("levels", 1)])
def test_bad_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        RealnvpConfig(**{name: value})


@pytest.mark.parametrize("shape", [(2,), (1, 7, 7), (1, 6, 6)])
def test_glow_names_the_sides_that_it_takes(shape: Any) -> None:
    data = SimpleNamespace(shape=shape, classes=0, count=10)
    with pytest.raises(ValueError, match=r"choose realnvp|divides the sides"):
        Glow(GlowConfig(scales=2), data)
