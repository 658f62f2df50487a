"""What the papers of the GAN's variants claim: the Wasserstein distance, norms, the balance."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from gensweep_models.adversarial.objectives import OBJECTIVES
from gensweep_models.adversarial.penalties import PENALTIES
from gensweep_models.adversarial.variants import VARIANTS
from gensweep_models.catalog import CATALOG
from gensweep_models.nets.spectral import SpectralLinear

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


# an entry to its penalty, whether its critic is normalised, and how both of its players learn
PLAYERS: dict[str, tuple[str | None, bool, str, str, int, float | None]] = {
    "gan": (None, False, "adam", "linear", 1, None),
    "minimax_gan": (None, False, "adam", "linear", 1, None),
    "lsgan": (None, False, "adam", "linear", 1, None),
    "dragan": ("dragan", False, "adam", "linear", 1, None),
    "r3gan": ("r1_r2", False, "adam", "linear", 1, None),
    "wgan": (None, False, "rmsprop", "constant", 5, 0.01),
    "wgan_gp": ("gradient", False, "adam", "linear", 5, None),
    "sngan": (None, True, "adam", "linear", 5, None),
    "lgan": ("max_gradient", False, "adam", "constant", 5, None),
}


@pytest.mark.parametrize("name", PLAYERS)
def test_players_learn_as_the_entry_says(name: str) -> None:
    """As they are given to the engine, by default and where the configuration says otherwise."""
    assert list(PLAYERS) == ["gan", *PAPERS]
    config, data = CATALOG[name].config(), SimpleNamespace(shape=(2,), classes=0, count=10)
    penalty, spectral, optimizer, schedule, turns, bound = PLAYERS[name]
    game = Gan(config, data)
    critic, generator = game.players["critic"], game.players["generator"]
    assert config.active_penalty is (PENALTIES[penalty] if penalty else None)
    assert [isinstance(m, SpectralLinear) for m in critic.build()[1][::2]] == [spectral] * 4
    assert [critic.optimizer, generator.optimizer] == [optimizer] * 2
    assert [critic.schedule, generator.schedule] == [schedule] * 2
    assert critic.turns == "critic_iterations"
    assert (config.critic_iterations, generator.turns) == (turns, 1)
    assert critic.weight_bound == ("clip" if bound else None)
    assert [critic.ema, generator.weight_bound] == [None] * 2
    assert generator.ema == 0.999
    assert bound in (None, config.clip)
    other = Gan(replace(config, ema=0.5, optimizer="sgd", decay=not config.decay), data).players
    assert other["generator"].ema == 0.5
    assert {one.optimizer for one in other.values()} == {"sgd"}
    assert {one.schedule for one in other.values()} == {"linear", "constant"} - {schedule}


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


@dataclass(frozen=True)
class Shifted(RandomExamples):
    """256 normal points around (shift, shift)."""

    shape: tuple[int, ...] = (2,)
    classes: int = 0
    count: int = 256
    shift: float = 0.0

    @property
    def x(self) -> Tensor:
        """All points, [count, 2]."""
        return self.shift + 0.3 * super().x


def estimates(name: str, shift: float, **lanes: Sequence[float]) -> tuple[Pack, Tensor, float]:
    """A trained critic's estimates [L] against a generator that has not begun, and the distance.

    The generator acts at the end of a round, and this one is not over.
    """
    data, steps, model = Shifted(shift=shift), 120, CATALOG[name]
    settings = {"hidden": 16, "layers": 1, "latent_size": 2, "batch_size": 64}
    configs = [
        model.config(**settings, **dict(zip(lanes, values, strict=True)), learning_rate=1e-2,
                     critic_iterations=2 * steps)
        for values in zip(*lanes.values(), strict=True)
    ]  # fmt: skip
    pack = Pack(model, configs[0], data, data, width=len(configs), trace=False)
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=0, budget_images=64 * 2 * steps)
    before = pack.stacks["generator"].flat.clone()
    pack.run(steps)
    assert torch.equal(pack.stacks["generator"].flat, before)
    fake = pack.sample(256, hyper={"truncation": 5.0})[0]
    scores = [pack.call("critic_values", {}, x) for x in (data.x, fake)]
    exact = ot.emd2([], [], ot.dist(data.x, fake, "euclidean"))
    return pack, scores[0].mean(1) - scores[1].mean(1), float(exact)


@pytest.mark.parametrize("shift", [0.5, 2.0])
def test_the_critics_estimate_is_the_wasserstein_distance(shift: float) -> None:
    """Of the critic of wgan_gp in a pack, against the exact one of optimal transport.

    A slope s is best for s W - weight (s - 1)^2 at s = 1 + W / (2 weight): the estimate is s W.
    """
    weights = torch.tensor([10.0, 20.0])
    _, found, exact = estimates("wgan_gp", shift, penalty_weight=weights.tolist())
    torch.testing.assert_close(found, exact * (1 + exact / (2 * weights)), rtol=0.06, atol=0)


def test_clipped_weights_bound_the_estimate_by_a_multiple_of_the_distance() -> None:
    """k times it, k the largest slope that the bound allows; towards it as the distance grows.

    A weight of m x n numbers within c has a norm of at most c sqrt(m n), and ReLU keeps slopes.
    """
    clips = torch.tensor([0.1, 0.3])
    steepest = clips**2 * (2 * 16) ** 0.5 * 16**0.5
    found, before = [], torch.zeros(2)
    for shift in (0.5, 1.0, 2.0):
        pack, now, exact = estimates("wgan", shift, clip=clips.tolist())
        weights = pack.stacks["critic"].flat
        torch.testing.assert_close(weights.abs().amax(1), clips)
        assert bool((now > before).all())
        assert bool((now <= steepest * exact).all())
        found, before = [*found, now / exact], now
    assert bool((found[-1] > 0.6 * steepest).all()), found


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
