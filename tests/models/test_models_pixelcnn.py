"""PixelCNN's laws: exact probabilities, causality between pixels and channels, samples."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bound_nets import bind
from gensweep.lanes import Pack
from gensweep.metrics import bits_per_dim
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.discrete.pixelcnn import Pixelcnn, PixelcnnConfig

SMALL = {"channels": 8, "layers": 3, "batch_size": 4}
WARM = {"temperature": torch.tensor(1.0)}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _game(shape: tuple[int, ...], sharp: float = 1.0, **values: Any) -> tuple[Any, dict[str, Any]]:
    data = SimpleNamespace(shape=shape, classes=3, count=16, levels=16)
    game = Pixelcnn(PixelcnnConfig(**SMALL | values), data)
    net = game.players["pixels"].build().eval().requires_grad_(False)
    for parameter in net.parameters():
        parameter.mul_(sharp)
    return game, {"pixels": bind("pixels", net)}


def _every_image(shape: tuple[int, ...], levels: int) -> Tensor:
    size = math.prod(shape)
    grid = torch.cartesian_prod(*[torch.arange(levels)] * size)
    return 2 * grid.view(-1, *shape) / (levels - 1) - 1


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 3, 4)])
def test_a_channel_sees_the_pixels_and_channels_before_it_alone(shape: tuple[int, ...]) -> None:
    game, _ = _game(shape, layers=5)
    net, (channels, height, width) = game.players["pixels"].build(), shape
    x = torch.randn(1, *shape, requires_grad=True)
    logits = net(x)  # [1, K, C, H, W]
    for c in range(channels):
        for at in range(height * width):
            out = logits[0, :, c].flatten(1)[:, at].square().sum()
            (slope,) = torch.autograd.grad(out, x, retain_graph=True, materialize_grads=True)
            size = slope[0].abs().flatten(1)
            assert size[:, :at].all()
            assert size[:c, at].all()
            assert not size[c:, at].any()
            assert not size[:, at + 1 :].any()


@pytest.mark.parametrize(("shape", "levels"), [((1, 2, 2), 3), ((3, 1, 2), 2)])
def test_probabilities_sum_to_one_and_samples_have_them(
    shape: tuple[int, ...], levels: int
) -> None:
    game, nets = _game(shape, sharp=2.5, levels=levels)
    images, count = _every_image(shape, levels), 10_000
    law = game.log_prob(nets, images, {}, WARM).exp()
    assert float(law.sum()) == pytest.approx(1, abs=1e-5)
    assert float(law.max()) > 2 / len(images)
    samples = game.sample(nets, {"u": torch.rand(count, *shape)}, WARM)
    drawn = torch.cdist(samples.flatten(1), images.flatten(1)).argmin(1)
    torch.testing.assert_close(images[drawn], samples)
    share = torch.bincount(drawn, minlength=len(images)) / count
    assert float((share - law).abs().max()) < 4 * float((law / count).sqrt().max())


def test_temperature_sharpens_and_log_prob_stays() -> None:
    game, nets = _game((1, 2, 2), sharp=2.5, levels=3)
    u = torch.rand(4_000, 1, 2, 2)
    found = [
        game.log_prob(nets, game.sample(nets, {"u": u}, {"temperature": torch.tensor(t)}), {}, {})
        for t in (0.3, 1.0, 3.0)
    ]
    cold, warm, hot = (float(one.mean()) for one in found)
    assert cold > warm + 0.1 > hot + 0.2


def test_even_logits_cost_the_logarithm_of_the_levels() -> None:
    game, nets = _game((1, 8, 8), sharp=0.0)
    assert game.levels == 17  # as the data say
    x = RandomExamples((1, 8, 8), levels=16).x[:4]
    found = game.log_prob(nets, x, {}, {})
    torch.testing.assert_close(found, torch.full((4,), -64 * math.log(17)))
    bits = bits_per_dim(found, 64, game.log_prob_scale)
    torch.testing.assert_close(bits, torch.full((4,), math.log2(17)))


def test_pixels_are_taken_at_the_nearest_level() -> None:
    game, nets = _game((1, 8, 8), sharp=2.0, levels=5)
    x = RandomExamples((1, 8, 8), levels=4).x[:4]
    near = (x + 0.2 * (torch.rand_like(x) - 0.5)).clamp(-1, 1)
    found = [game.log_prob(nets, one, {}, {}) for one in (x, near)]
    torch.testing.assert_close(*found)


def test_binarised_pixels_are_drawn_from_their_intensities() -> None:
    game, nets = _game((1, 2, 2), sharp=2.0, binarise="dynamic")
    x, count = torch.tensor([-1.0, -0.5, 0.4, 1.0]).view(1, 1, 2, 2), 20_000
    noise = {"u": torch.rand(count, 1, 2, 2)}
    found = game.log_prob(nets, x.expand(count, -1, -1, -1), noise, {}).mean()
    images = _every_image((1, 2, 2), 2)
    on, p = (images > 0).float(), (x + 1) / 2
    weight = (on * p + (1 - on) * (1 - p)).flatten(1).prod(1)
    blank = {"u": torch.full((len(images), 1, 2, 2), 0.5)}
    expected = (weight * game.log_prob(nets, images, blank, {})).sum()
    assert float(found) == pytest.approx(float(expected), abs=0.02)
    assert game.levels == 2
    assert game.log_prob_of == "pixels binarised by a draw from their intensities"


def test_a_class_that_is_given_changes_the_law() -> None:
    game, nets = _game((1, 3, 3), sharp=2.0, levels=3, class_conditional=True)
    x, u = _every_image((1, 1, 2), 3).new_zeros(3, 1, 3, 3), torch.rand(1, 1, 3, 3)
    given = {"y": torch.arange(3)}
    found = game.log_prob(nets, x, {}, WARM, given)
    assert len(set(found.tolist())) == 3
    samples = game.sample(nets, {"u": u.expand(3, -1, -1, -1)}, WARM, given)
    assert not torch.equal(samples[0], samples[1])
    with pytest.raises(ValueError, match="the data have classes"):
        Pixelcnn(
            PixelcnnConfig(class_conditional=True),
            SimpleNamespace(shape=(1, 8, 8), classes=0, count=9),
        )


def test_steps_of_a_traced_pack_are_those_of_the_whole() -> None:
    """A pack traces one step and replays it; the game's own `sample` takes them one by one."""
    model, data = CATALOG["pixelcnn"], RandomExamples((3, 8, 8), levels=3)
    config = PixelcnnConfig(**SMALL | {"layers": 2})
    packs = [Pack(model, config, data, data, width=2, trace=trace) for trace in (True, False)]
    for pack in packs:
        for slot in (0, 1):
            pack.load(slot, config, seed=slot, budget_images=100)
    first, second = (pack.sample(5, seed=3) for pack in packs)
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    net = packs[0].stacks["pixels"]
    module = packs[0].game.players["pixels"].build().eval()
    module.load_state_dict(net.lane_weights(1))
    noise = {name: one[0] for name, one in packs[0].sample_noise(5, seed=3, slot=1).items()}
    with torch.no_grad():
        whole = packs[0].game.sample({"pixels": bind("pixels", module)}, noise, WARM)
    torch.testing.assert_close(first[1], whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "value"), [("levels", 1), ("temperature", 0.0), ("layers", 0)])
def test_bad_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        PixelcnnConfig(**{name: value})


def test_points_are_refused() -> None:
    with pytest.raises(ValueError, match="choose realnvp for points"):
        Pixelcnn(PixelcnnConfig(), SimpleNamespace(shape=(2,), classes=0, count=9))
