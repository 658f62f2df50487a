"""BEGAN: its balance, and networks without bounds, in which the variety of z is not lost."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind, bind_all
from gensweep_models.adversarial.began import Began, BeganConfig

SHAPE = (1, 8, 8)
every_body = pytest.mark.parametrize("body", ["mlp", "conv"])


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


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
    nets = bind_all(modules)
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


class Boundary:
    """A small BEGAN on points with networks."""

    def __init__(self) -> None:
        config = BeganConfig(hidden=8, layers=1, latent_size=2, code_size=3, batch_size=16)
        self.game = Began(config, SimpleNamespace(shape=(2,), classes=0, count=10))
        self.modules = {n: p.build() for n, p in self.game.players.items()}
        self.nets = bind_all(self.modules)
        self.noise = {"z": torch.rand(16, 2)}
        self.x = 3 * torch.randn(16, 2)

    def errors(self) -> tuple[Tensor, Tensor]:
        """Mean absolute errors of data and of samples."""
        fake = self.modules["generator"](2 * self.noise["z"] - 1)
        real, made = ((self.modules["critic"](x) - x).abs().mean() for x in (self.x, fake))
        return real, made

    def loss(self, player: str, gamma: float = 0.5, rate: float = 0.1) -> tuple[Tensor, Any]:
        hyper = {"gamma": torch.tensor(gamma), "balance_rate": torch.tensor(rate)}
        return self.game.loss(player, self.nets, {"x": self.x}, self.noise, hyper)


def test_began_against_the_papers_equations() -> None:
    trial, k = Boundary(), 0.0
    for _ in range(4):
        real, fake = (float(one.detach()) for one in trial.errors())
        loss, metrics = trial.loss("critic")
        assert float(loss.detach()) == pytest.approx(real - k * fake, rel=1e-5)
        assert float(metrics["balance"]) == pytest.approx(k)
        measure = real + abs(0.5 * real - fake)
        assert float(metrics["convergence"]) == pytest.approx(measure, rel=1e-5)
        k = min(1.0, max(0.0, k + 0.1 * (0.5 * real - fake)))
        torch.testing.assert_close(trial.loss("generator")[0], trial.errors()[1])
    assert k > 0


def test_the_balance_stays_in_bounds_and_rests_at_the_ratio() -> None:
    trial = Boundary()
    critic = trial.modules["critic"]
    for gamma, end in ((1.0, 1.0), (0.0, 0.0)):
        for _ in range(3):
            trial.loss("critic", gamma, rate=100.0)
        assert float(critic.balance) == end
    real, fake = (float(one.detach()) for one in trial.errors())
    critic.balance.fill_(0.3)
    trial.loss("critic", fake / real)
    assert float(critic.balance) == pytest.approx(0.3, abs=1e-5)


def test_the_decoder_of_began_is_built_as_its_generator() -> None:
    def shapes(net: nn.Module) -> list[tuple[int, ...]]:
        return [tuple(p.shape) for p in net.parameters()]

    trial = Boundary()
    decoder, generator = (
        shapes(net) for net in (trial.modules["critic"].decoder, trial.modules["generator"])
    )
    assert decoder[1:] == generator[1:]
