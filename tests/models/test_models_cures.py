"""Each cure does what its paper says, and is refused where it would mean nothing."""

import random
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind_all
from gensweep.space import check_space, is_active, order_dimensions, strata, with_scope
from gensweep_models.adversarial.cures import (
    Past,
    WithPast,
    anneal,
    feature_distance,
    pack,
)
from gensweep_models.adversarial.gan import Gan
from gensweep_models.adversarial.gan_config import CURES, GAN_SPACE, GanConfig
from gensweep_models.nets import MinibatchDiscrimination

BATCH = 8


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


class Trial:
    """A small game on points, and what its players do with a batch."""

    def __init__(self, **settings: Any) -> None:
        config = GanConfig(hidden=8, layers=1, latent_size=2, batch_size=BATCH, **settings)
        self.game = Gan(config, SimpleNamespace(shape=(2,), classes=0, count=10))
        self.modules = {n: p.build() for n, p in self.game.players.items()}
        self.nets = bind_all(self.modules)
        self.noise = {
            player: {name: torch.rand(one.shape) for name, one in noise.items()}
            for player, noise in self.game.noise.items()
        }
        self.hyper = {n: torch.tensor(v) for n, v in with_scope(config, "lane").items()}
        self.hyper["progress"] = torch.tensor(0.0)

    def loss(self, player: str, x: Tensor, **hyper: float) -> tuple[Tensor, dict[str, Tensor]]:
        told = self.hyper | {name: torch.tensor(value) for name, value in hyper.items()}
        found: tuple[Tensor, dict[str, Tensor]] = self.game.loss(
            player, self.nets, {"x": x}, self.noise[player], told
        )
        return found


def test_minibatch_discrimination_against_the_formula() -> None:
    """o_k(x_i), sums over the others of exp(-L1 distance) of rows of M_i = f(x_i) T."""
    layer = MinibatchDiscrimination(3, 4).double()
    with torch.no_grad():
        layer.t.mul_(20)
    f = torch.randn(5, 3, dtype=torch.float64)
    matrices = [sum(f[i, a] * layer.t[a] for a in range(3)) for i in range(5)]
    for i, row in enumerate(layer(f)):
        near = [
            sum((-(matrices[i][k] - matrices[j][k]).abs().sum()).exp() for j in range(5) if j != i)
            for k in range(4)
        ]
        torch.testing.assert_close(row, torch.cat([f[i], torch.stack(near)]))


def test_minibatch_discrimination_tells_a_collapsed_batch() -> None:
    """Equal examples are at distance 0 from each of the others."""
    layer = MinibatchDiscrimination(3, 4)
    alike = layer(torch.ones(5, 3))[:, 3:]
    torch.testing.assert_close(alike, torch.full((5, 4), 4.0))
    assert bool((layer(torch.randn(5, 3))[:, 3:] < 4).all())


def test_packs_are_neighbours_joined_along_the_first_axis() -> None:
    points = torch.arange(8.0).reshape(4, 2)
    assert pack(points, 2).tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    images = torch.randn(6, 2, 4, 4)
    packed = pack(images, 3)
    assert packed.shape == (2, 6, 4, 4)
    assert torch.equal(packed[1], torch.cat([*images[3:]]))
    assert pack(points, 1) is points


@pytest.mark.parametrize("packing", [1, 2, 4])
def test_the_critic_judges_packs(packing: int) -> None:
    """An example changes what the score's gradient is at those in its pack, and at no other."""
    trial = Trial(packing=packing, penalty="r1_r2")
    assert trial.modules["critic"](torch.randn(3, packing * 2)).shape == (3, 1)
    x = torch.randn(BATCH, 2)
    assert bool(trial.loss("critic", x)[0].isfinite())

    def score(at: Tensor) -> Tensor:
        found: Tensor = trial.modules["critic"](pack(at, packing))
        return found.tanh().sum()

    seen = torch.autograd.functional.hessian(score, x).abs().sum((1, 3)) > 0
    blocks = torch.block_diag(*[torch.ones(packing, packing)] * (BATCH // packing)).bool()
    assert not bool((seen & ~blocks).any())
    assert bool((seen & blocks & ~torch.eye(BATCH).bool()).any()) == (packing > 1)


@pytest.mark.parametrize("kernels", [0, 3])
def test_the_critic_compares_a_batch_by_so_many_kernels(kernels: int) -> None:
    """With them a score depends on the other examples, without them on none."""
    critic = Trial(minibatch_kernels=kernels).modules["critic"]
    x = torch.randn(BATCH, 2, requires_grad=True)
    (slope,) = torch.autograd.grad(critic(x)[0].sum(), x)
    assert bool(slope[1:].any()) == (kernels > 0)
    assert critic[1][-1].in_features == 8 + kernels


def test_feature_distance_is_that_of_means() -> None:
    real = torch.randn(6, 3)
    assert float(feature_distance(real, real.flip(0))) < 1e-12
    want = ((real.mean(0) - (real + 2).mean(0)) ** 2).sum()
    torch.testing.assert_close(feature_distance(real, real + 2), want)


def test_feature_matching_is_zero_where_samples_are_data() -> None:
    """And its gradient is that of the features before the last layer."""
    trial = Trial(feature_matching=True)
    fake = trial.modules["generator"](trial.noise["generator"]["z"])
    loss, _ = trial.loss("generator", fake.detach())
    assert float(loss.detach()) < 1e-12
    x = torch.randn(BATCH, 2)
    hidden = trial.modules["critic"][1][:-1]
    want = (hidden(x).mean(0) - hidden(fake).mean(0)).square().sum()
    torch.testing.assert_close(trial.loss("generator", x)[0], want)


def test_instance_noise_falls_to_nothing() -> None:
    x, noise = torch.randn(4, 2), torch.randn(4, 2)
    scale = torch.tensor(0.5)
    assert torch.equal(anneal(x, noise, scale, torch.tensor(1.0)), x)
    torch.testing.assert_close(anneal(x, noise, scale, torch.tensor(0.2)), x + 0.4 * noise)


@pytest.mark.parametrize("player", ["critic", "generator"])
def test_at_the_end_instance_noise_leaves_the_game_as_it_was(player: str) -> None:
    with_noise, without = Trial(instance_noise=True), Trial()
    without.nets = with_noise.nets
    without.noise = {name: {"z": one["z"]} for name, one in with_noise.noise.items()}
    x = torch.randn(BATCH, 2)
    (late, _), (plain, _) = with_noise.loss(player, x, progress=1.0), without.loss(player, x)
    assert torch.equal(late, plain)
    assert not torch.equal(with_noise.loss(player, x)[0], plain)


def test_the_past_is_the_mean_of_all_weights_so_far() -> None:
    net = nn.Linear(3, 2)
    past, seen = Past(net), []
    for _ in range(5):
        with torch.no_grad():
            net.weight.normal_()
        seen.append(net.weight.detach().clone())
        distance = past(net.parameters())
        mean = torch.stack(seen).mean(0)
        torch.testing.assert_close(past.get_buffer("mean0"), mean)
        torch.testing.assert_close(distance, (net.weight - mean).square().sum())
    (grad,) = torch.autograd.grad(distance, net.weight)
    torch.testing.assert_close(grad, 2 * (net.weight - mean))


def test_averaging_draws_both_players_in_their_own_turns() -> None:
    trial = Trial(historical_averaging=True)
    x = torch.randn(BATCH, 2)
    turns = {name: module.past.turns for name, module in trial.modules.items()}
    for player in ("critic", "generator"):
        module = trial.modules[player]
        assert isinstance(module, WithPast)
        _, metrics = trial.loss(player, x)
        assert metrics[f"{player}_history"] == 0
        with torch.no_grad():
            next(iter(module.net.parameters())).add_(1)
        _, metrics = trial.loss(player, x)
        assert float(metrics[f"{player}_history"]) > 0
        assert int(turns[player]) == 2


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"label_smoothing": 0.1, "objective": "hinge"}, "only an objective with labels has some"),
    ({"penalty": "r1", "objective": "wasserstein"}, "weights that are clipped bound the slope"),
    ({"penalty": "none", "objective": "wasserstein_gp"}, "the critic's slope is bounded"),
    ({"minibatch_kernels": 4, "penalty": "r1"}, "a penalty is on the slope of each example alone"),
    ({"batch_norm": True, "penalty": "dragan"}, "a penalty is on the slope of each example alone"),
    ({"batch_norm": True, "objective": "wasserstein_gp"}, "a penalty is on the slope of each exam"),
    ({"batch_norm": True, "objective": "hinge"}, "a division by the batch's deviation undoes spec"),
    ({"batch_norm": True, "spectral": True}, "a division by the batch's deviation undoes spectral"),
    ({"minibatch_kernels": 4, "objective": "hinge"}, "a comparison of examples has no spectral no"),
    ({"feature_matching": True, "objective": "relativistic"}, "features take the place of an obj"),
    ({"objective": "wasserstein_gp", "penalty_weight": 0}, "the critic's slope is bounded.*=0"),
    ({"packing": 3, "batch_size": 8}, "packing divides batch_size.*packing=3, batch_size=8"),
]


@pytest.mark.parametrize(("settings", "reason"), REFUSED)
def test_what_makes_no_sense_is_refused_with_a_reason(settings: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        GanConfig(**settings)
    assert "\n" not in str(caught.value)


def test_whatever_is_drawn_of_cures_and_objectives_goes_together() -> None:
    space, chance = GAN_SPACE | CURES, random.Random(0)
    check_space(GanConfig, space)
    seen: dict[str, set[Any]] = {name: set() for name in CURES}
    for _ in range(2_000):
        values: dict[str, Any] = {}
        for name in order_dimensions(space, strata(GanConfig, space)):
            one: Any = space[name]
            if is_active(one, values):
                kind = one.kind
                values[name] = (
                    chance.choice(one.choices) if kind == "categorical"
                    else chance.randint(one.low, one.high) if kind == "integer"
                    else chance.uniform(one.low, one.high)
                )  # fmt: skip
        GanConfig(**values)
        for name in CURES:
            seen[name].add(values.get(name))
    for name, dimension in CURES.items():
        assert set(getattr(dimension, "choices", ())) <= seen[name]
    assert {"minibatch_kernels", "packing", "feature_matching"} <= set(strata(GanConfig, space))
