"""DCGAN: its initial weights, where it normalises, and what its samples are made with."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm, conv_transpose2d

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.adversarial.dcgan import Dcgan, DcganConfig, critic, generator
from gensweep_models.catalog import CATALOG

SHAPES = ((1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64))
LAYERS = nn.Linear, nn.Conv2d, nn.ConvTranspose2d


def normalised(net: nn.Sequential) -> list[bool]:
    """Of each layer with weights whether batch normalisation follows it."""
    layers = [layer for layer in net if not isinstance(layer, nn.Unflatten)]
    pairs = zip(layers, [*layers[1:], nn.Identity()], strict=True)
    return [
        isinstance(after, nn.BatchNorm2d) for layer, after in pairs if isinstance(layer, LAYERS)
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_all_but_the_ends_that_see_pixels_and_the_score_are_normalised(shape: Any) -> None:
    """Section 3, third: not the generator's output and not the critic's input."""
    makes, judges = generator(5, shape, 4), critic(shape, 4)
    assert makes(torch.randn(6, 5)).shape == (6, *shape)
    assert judges(torch.randn(6, *shape)).shape == (6, 1)
    assert normalised(makes) == [True] * (len(normalised(makes)) - 1) + [False]
    middle = len(normalised(judges)) - 2
    assert normalised(judges) == [False] + [True] * middle + [False]


@pytest.mark.parametrize("net", [generator(32, (3, 32, 32), 16), critic((3, 32, 32), 16)])
def test_weights_begin_small_and_gains_near_one(net: nn.Sequential) -> None:
    kinds: dict[bool, list[torch.Tensor]] = {True: [], False: []}
    for layer in net:
        if isinstance(layer, (*LAYERS, nn.BatchNorm2d)):
            kinds[isinstance(layer, nn.BatchNorm2d)].append(layer.weight.flatten())
            assert layer.bias is None or not layer.bias.any()
    for is_gain, many in kinds.items():
        weights = torch.cat(many).detach()
        error = 0.02 / len(weights) ** 0.5
        assert float(weights.mean()) == pytest.approx(float(is_gain), abs=4 * error)
        assert float(weights.std()) == pytest.approx(0.02, abs=4 * error)


def test_project_and_reshape_is_a_transposed_convolution_of_a_point() -> None:
    net, z = generator(5, (1, 8, 8), 4), torch.randn(3, 5)
    weight: Any = net[0].weight
    kernel = weight.unflatten(0, (8, 2, 2)).permute(3, 0, 1, 2)
    torch.testing.assert_close(net[:2](z), conv_transpose2d(z[:, :, None, None], kernel))


def test_a_critic_normalises_real_and_generated_batches_each_by_itself() -> None:
    """Together they would tell each other apart by the batch's statistics."""
    game = Dcgan(DcganConfig(batch_size=4, channels=4), SimpleNamespace(shape=(1, 8, 8)))
    nets: Any = {name: player.build() for name, player in game.players.items()}
    x, z = torch.randn(4, 1, 8, 8), torch.randn(4, 100)
    _, metrics = game.loss("critic", nets, {"x": x}, {"z": z}, {})
    parts = (nets["critic"](each).mean() for each in (x, nets["generator"](z)))
    torch.testing.assert_close(metrics["critic_gap"], next(parts) - next(parts))


@pytest.mark.parametrize(("ema", "kind"), [(0.0, "buffer"), (0.5, "ema_buffer")])
def test_samples_have_the_statistics_of_their_weights(ema: float, kind: str) -> None:
    """The average of both, or both as they are after the last step."""
    model, data = CATALOG["dcgan"], RandomExamples()
    config = model.config(ema=ema, batch_size=8, channels=4, latent_size=3)
    pack = Pack(model, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=80)
    pack.run(3)
    state, used = pack.take(0).tensors, pack.stacks["generator"].lane_weights(0)
    assert torch.equal(used["2.running_mean"], state[f"generator/{kind}.2.running_mean"])
    last = state["generator/buffer.2.running_mean"]
    assert torch.equal(used["2.running_mean"], last) == (not ema)
    assert float(last.abs().max()) > 0


def test_samples_are_normalised_by_running_statistics_one_by_one() -> None:
    game = Dcgan(DcganConfig(channels=4), SimpleNamespace(shape=(1, 8, 8)))
    net: Any = game.players["generator"].build()
    net(torch.randn(64, 100))  # statistics other than the initial ones
    net.eval()
    z = torch.randn(3, 100)
    norm = net[2]
    by_hand = batch_norm(net[:2](z), norm.running_mean, norm.running_var, norm.weight, norm.bias)
    torch.testing.assert_close(net[:3](z), by_hand)
    torch.testing.assert_close(net(z)[:1], net(z[:1]))


def test_a_shape_that_does_not_fit_is_named() -> None:
    with pytest.raises(
        ValueError, match=r"S in 8, 28, 32, 64` must hold, but got shape=\(1, 9, 9\)"
    ):
        Dcgan(DcganConfig(), SimpleNamespace(shape=(1, 9, 9)))
