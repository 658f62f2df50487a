"""The GAN's variants are what their papers say: settings, players and norms."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from bound_nets import bind
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
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


def test_all_objectives_of_lgan_have_its_penalty() -> None:
    """A rising convex phi, as the identity is, with the largest slope; searched."""
    entry = CATALOG["lgan"]
    choices = entry.space["objective"].choices  # type: ignore[union-attr]
    assert set(choices) == {"lipschitz", "lipschitz_exp", "lipschitz_sqrt", "wasserstein_gp"}
    for name in choices:
        assert entry.config(objective=name).active_penalty is PENALTIES["max_gradient"]
        assert GanConfig(objective=name, penalty="max_gradient").penalty == "max_gradient"


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
