"""What the papers of the GAN's variants claim: the Wasserstein distance, norms, the balance."""

from types import SimpleNamespace
from typing import Any

import ot
import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.adversarial.began import Began, BeganConfig
from gensweep_models.adversarial.gan import Gan
from gensweep_models.adversarial.gan_config import GanConfig
from gensweep_models.adversarial.objectives import OBJECTIVES, critic_loss
from gensweep_models.adversarial.penalties import gradient_penalty
from gensweep_models.adversarial.variants import VARIANTS
from gensweep_models.catalog import CATALOG
from gensweep_models.nets import mlp

PAPERS: dict[str, dict[str, Any]] = {
    "minimax_gan": {"objective": "minimax"},
    "lsgan": {"objective": "least_squares", "learning_rate": 2e-4, "beta1": 0.5},
    "dragan": {"penalty": "dragan", "learning_rate": 1e-4, "penalty_weight": 10},
    "r3gan": {"objective": "relativistic", "penalty": "r1_r2", "beta1": 0, "beta2": 0.9},
    "wgan": {"objective": "wasserstein", "optimizer": "rmsprop", "learning_rate": 5e-5,
             "clip": 0.01, "critic_iterations": 5, "decay": False},
    "wgan_gp": {"objective": "wasserstein_gp", "learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.9,
                "critic_iterations": 5, "penalty_weight": 10},
    "sngan": {"objective": "hinge", "beta1": 0, "beta2": 0.9, "critic_iterations": 5},
    "lgan": {"objective": "lipschitz", "beta1": 0, "beta2": 0.999, "penalty_weight": 1},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def test_defaults_are_the_papers() -> None:
    assert [model.name for model in VARIANTS] == list(PAPERS)
    for name, values in PAPERS.items():
        config = CATALOG[name].config()
        assert {field: getattr(config, field) for field in values} == values


def test_a_variant_differs_from_the_gan_in_its_settings_alone() -> None:
    for model in VARIANTS:
        assert model.game is Gan
        assert issubclass(model.config, GanConfig)


STORED = {
    "learning_rate": 1e-3, "beta1": 0.5, "beta2": 0.999, "batch_size": 64, "ema": 0.999,
    "critic_iterations": 2, "clip": 0.01, "penalty_weight": 10.0, "latent_size": 8,
    "truncation": 2.0, "objective": "hinge", "body": "auto", "hidden": 64, "layers": 3,
    "optimizer": "adam", "decay": True,
}  # fmt: skip
"""What a trial of `gan` has kept since there are five objectives."""


def test_a_stored_configuration_is_the_game_that_it_was() -> None:
    config = GanConfig(**STORED)  # type: ignore[arg-type]
    assert config.normalised
    assert config.active_penalty is None
    noise = Gan(config, SimpleNamespace(shape=(2,), classes=0, count=10)).noise
    assert {player: set(one) for player, one in noise.items()} == {
        "critic": {"z"},
        "generator": {"z"},
    }


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)])
@pytest.mark.parametrize("name", ["gan", "sngan", "began"])
def test_bodies_fit_points_and_images(name: str, shape: tuple[int, ...]) -> None:
    model = CATALOG[name]
    data = SimpleNamespace(shape=shape, classes=0, count=10)
    game = model.game(model.config(hidden=8, layers=1, latent_size=4, batch_size=2), data)
    nets = {n: bind(n, p.build().eval()) for n, p in game.players.items()}
    hyper = {"truncation": torch.tensor(2.0)}
    samples = game.sample(nets, {"z": torch.rand(2, 4)}, hyper)
    assert samples.shape == (2, *shape)
    assert nets["critic"](samples).shape == (samples.shape if name == "began" else (2, 1))


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_the_critics_estimate_is_the_wasserstein_distance(shift: float) -> None:
    """Of a critic that learns by the loss of wgan_gp, against the exact one of optimal transport.

    A slope s is best for s W - weight (s - 1)^2 at s = 1 + W / (2 weight): the estimate is s W.
    """
    real, fake = torch.randn(128, 2), torch.randn(128, 2) * torch.tensor([1.0, 0.3])
    fake = fake + torch.tensor([shift, 0.0])
    exact = float(ot.emd2(torch.ones(0), torch.ones(0), ot.dist(real, fake, "euclidean")))
    net = mlp(2, 1, 64, 2)
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3, betas=(0.5, 0.9))
    for _ in range(200):
        scores = [net(x).squeeze(-1) for x in (real, fake)]
        penalty = gradient_penalty(lambda x: net(x).squeeze(-1), real, fake, torch.rand(128, 1))
        optimizer.zero_grad()
        (critic_loss("wasserstein_gp", *scores) + 10 * penalty).backward()
        optimizer.step()
    estimate = float((net(real).mean() - net(fake).mean()).detach())
    assert estimate == pytest.approx(exact * (1 + exact / 20), rel=0.05)


def test_the_layers_of_sngan_have_norm_1_while_they_train() -> None:
    """Each weight over the power iteration's estimate, by the SVD; each lane of a pack its own."""
    model = CATALOG["sngan"]
    config = model.config(hidden=16, layers=2, batch_size=8, learning_rate=1e-3, latent_size=4)
    data = RandomExamples((2,), 0)
    pack = Pack(model, config, data, data, width=2, trace=False)
    for slot in range(2):
        pack.load(slot, config, seed=slot, budget_images=8 * 200)
    stack = pack.stacks["critic"]
    before = stack.flat.clone()
    pack.run(150)
    pack.lane(0).means.clear()
    told = pack.run(1)[0].metrics["sigma_critic"]
    weights = {n: v for n, v in stack.views(stack.flat).items() if n.endswith("weight")}
    assert len(weights) == 3
    norms = [float(torch.linalg.svdvals(weight[0])[0]) for weight in weights.values()]
    assert told == pytest.approx(max(norms), rel=0.05)
    for name, weight in weights.items():
        u, v = (stack.buffers[name.replace("weight", side)] for side in "uv")
        estimate = torch.einsum("lo,loi,li->l", u, weight, v)
        largest = torch.linalg.svdvals(weight / estimate[:, None, None])[:, 0]
        assert bool(((largest > 0.999) & (largest < 1.05)).all()), (name, largest)
    assert float((stack.flat - before).abs().max()) > 0.05


@pytest.mark.parametrize("cure", [{}, {"historical_averaging": True}, {"packing": 2}])
def test_a_critic_that_is_normalised_tells_its_largest_singular_value(cure: Any) -> None:
    """As BigGAN's do, and no other."""
    for spectral in (True, False):
        config = GanConfig(
            hidden=8, layers=1, batch_size=4, latent_size=4, spectral=spectral, **cure
        )
        data = RandomExamples((2,), 0)
        pack = Pack(CATALOG["gan"], config, data, data, width=1, trace=False)
        pack.load(0, config, seed=0, budget_images=40)
        assert ("sigma_critic" in pack.losses(0)["critic"]) is spectral


def test_only_what_an_objective_asks_for_is_built() -> None:
    spectral = {name for name, one in OBJECTIVES.items() if one.spectral}
    for name in OBJECTIVES:
        assert GanConfig(objective=name).normalised == (name in spectral) == (name == "hinge")
    assert GanConfig(objective="non_saturating", spectral=True).normalised


class Boundary:
    """A small BEGAN on points with networks."""

    def __init__(self) -> None:
        config = BeganConfig(hidden=8, layers=1, latent_size=2, code_size=3, batch_size=16)
        self.game = Began(config, SimpleNamespace(shape=(2,), classes=0, count=10))
        self.modules = {n: p.build() for n, p in self.game.players.items()}
        self.nets = {n: bind(n, m) for n, m in self.modules.items()}
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
