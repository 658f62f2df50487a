"""BEGAN: networks without bounds, in which the variety of z is not lost; see also `variants`."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind
from gensweep_models.adversarial.began import Began, BeganConfig

SHAPE = (1, 8, 8)
every_body = pytest.mark.parametrize("body", ["mlp", "conv"])


def built(body: Any) -> tuple[Began, dict[str, nn.Module]]:
    config = BeganConfig(body=body, hidden=8, layers=1, latent_size=16, code_size=6, batch_size=4)
    game = Began(config, SimpleNamespace(shape=SHAPE, classes=0, count=10))
    return game, {name: player.build() for name, player in game.players.items()}


def last_bias(net: nn.Module) -> Tensor:
    return [value for name, value in net.named_parameters() if name.endswith("bias")][-1]


@every_body
def test_errors_beyond_the_range_of_images_count(body: str) -> None:
    """As in the paper: a generator at the bound of a tanh has no gradient, and one image."""
    game, modules = built(body)
    nets = {name: bind(name, net) for name, net in modules.items()}
    with torch.no_grad():
        last_bias(modules["generator"]).fill_(50.0)
        last_bias(modules["critic"]).fill_(-50.0)
    noise, batch = {"z": torch.rand(4, 16)}, {"x": torch.zeros(4, *SHAPE)}
    assert float(game.loss("generator", nets, batch, noise, {})[0].detach()) > 60
    assert torch.equal(game.sample(nets, noise, {}), torch.ones(4, *SHAPE))


@every_body
def test_samples_are_cut_off_and_not_squashed(body: str) -> None:
    game, modules = built(body)
    noise, net = {"z": torch.rand(4, 16)}, modules["generator"]
    with torch.no_grad():
        last_bias(net).fill_(0.5)
    samples = game.sample({"generator": bind("generator", net)}, noise, {})
    torch.testing.assert_close(samples, net(2 * noise["z"] - 1).clamp(-1, 1))
    assert 0.05 < float(samples.detach().abs().mean()) < 0.95


def test_samples_of_points_are_not_cut_off() -> None:
    game = Began(BeganConfig(latent_size=2), SimpleNamespace(shape=(2,), classes=0, count=10))
    net = game.players["generator"].build()
    with torch.no_grad():
        last_bias(net).fill_(50.0)
    samples = game.sample({"generator": bind("generator", net)}, {"z": torch.rand(4, 2)}, {})
    assert float(samples.detach().min()) > 40


def test_players_learn_as_the_configuration_says() -> None:
    game, _ = built("mlp")
    critic, generator = game.players["critic"], game.players["generator"]
    assert [critic.schedule, generator.schedule] == ["linear"] * 2
    assert [critic.turns, generator.turns] == ["critic_iterations", 1]
    assert [critic.ema, generator.ema] == [None, BeganConfig().ema]
    assert game.sample_noise(3)["z"].kind == game.noise["critic"]["z"].kind == "uniform"


def test_the_variety_of_z_reaches_the_samples_of_an_untrained_generator() -> None:
    """The balance rests as well with samples that are all alike, and nothing then sets them apart.

    By ReLU and torch's own initial weights the standard deviation is 0.11 here.
    """
    variety = []
    for _ in range(5):
        generator = built("mlp")[1]["generator"]
        with torch.no_grad():
            variety.append(float(generator(2 * torch.rand(64, 16) - 1).std(0).mean()))
    assert sum(variety) / 5 > 0.2
