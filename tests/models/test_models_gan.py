"""The GAN's laws: stacked equals alone, truncation by scipy, bad values named."""

from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from scipy import stats
from torch.func import stack_module_state, vmap

from bound_nets import Net, bind
from gensweep_models.adversarial.gan import Gan
from gensweep_models.adversarial.gan_config import GanConfig
from gensweep_models.adversarial.objectives import Objective
from gensweep_models.adversarial.truncation import truncated_normal

OBJECTIVES = get_args(Objective)
CASES = [(objective, shape) for objective in OBJECTIVES for shape in ((2,), (1, 8, 8))] + [
    ("wasserstein_gp", (1, 28, 28)), ("hinge", (3, 32, 32)), ("relativistic", (3, 64, 64))
]  # fmt: skip


def _draw(spec: Any, lanes: int) -> dict[str, torch.Tensor]:
    return {k: torch.rand(lanes, *n.shape) for k, n in spec.items()}


@pytest.mark.parametrize(("objective", "shape"), CASES)
def test_a_stacked_critic_equals_each_alone(objective: Any, shape: Any) -> None:
    _compare_stacked(GanConfig(objective=objective, hidden=8, batch_size=4), shape)


@pytest.mark.parametrize("objective", ["non_saturating", "wasserstein"])
@pytest.mark.parametrize("shape", [(2,), (1, 28, 28)])
def test_stacked_critics_have_statistics_of_their_own(objective: Any, shape: Any) -> None:
    # A variance of few examples may be small, and its inverse large.
    config = GanConfig(objective=objective, hidden=8, batch_size=16, batch_norm=True)
    _compare_stacked(config, shape)


def _compare_stacked(config: GanConfig, shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    game = Gan(config, SimpleNamespace(shape=shape, classes=0, count=10))
    nets = {n: [p.build() for _ in range(3)] for n, p in game.players.items()}
    bases = {n: m[0] for n, m in nets.items()}
    noise, x = _draw(game.noise["critic"], 3), torch.randn(3, config.batch_size, *shape)
    hyper = {"penalty_weight": torch.tensor(10.0), "label_smoothing": torch.tensor(0.1)}

    def one(state: Any, x: Any, noise: Any) -> Any:
        bound = {n: Net(n, bases[n], *state[n]) for n in state}
        return game.loss("critic", bound, {"x": x}, noise, hyper)[0]

    stacked = {n: stack_module_state(m) for n, m in nets.items()}
    state = {n: (p, {k: b.clone() for k, b in bs.items()}) for n, (p, bs) in stacked.items()}
    losses = vmap(one)(state, x, noise)
    leaves = stacked["critic"][0]
    grads = torch.autograd.grad(losses.sum(), list(leaves.values()))
    for i in range(3):
        alone = game.loss(
            "critic",
            {n: bind(n, m[i]) for n, m in nets.items()},
            {"x": x[i]},
            {k: v[i] for k, v in noise.items()},
            hyper,
        )[0]
        expected = torch.autograd.grad(
            alone, list(nets["critic"][i].parameters()), allow_unused=True
        )
        torch.testing.assert_close(losses[i], alone, rtol=1e-4, atol=1e-5)
        for got, want in zip(grads, expected, strict=True):
            known = torch.zeros_like(got[i]) if want is None else want
            torch.testing.assert_close(got[i], known, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("threshold", [0.1, 0.5, 1.0, 2.0, 5.0])
def test_truncated_normal_against_scipy(threshold: float) -> None:
    u = torch.rand(20_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    z = truncated_normal(u, torch.tensor(threshold, dtype=torch.float64))
    law = stats.truncnorm(-threshold, threshold)
    torch.testing.assert_close(z, torch.as_tensor(law.ppf(u.numpy())).float(), rtol=1e-5, atol=1e-6)
    assert stats.kstest(z.numpy(), law.cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0), ("critic_iterations", 0), ("truncation", 0.0), ("objective", "wgan")],
)
def test_bad_values_are_named(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        GanConfig(**{name: value})


def test_points_are_scaled_for_networks_and_back_for_samples() -> None:
    """Points four times as large are the same game, whose samples are four times as large."""
    found = []
    for scale in (1.0, 4.0):
        torch.manual_seed(0)
        config = GanConfig(point_scale=scale, hidden=8, batch_size=4, penalty="r1")
        game = Gan(config, SimpleNamespace(shape=(2,), classes=0, count=10))
        nets = {name: bind(name, player.build()) for name, player in game.players.items()}
        hyper = {"penalty_weight": torch.tensor(0.1), "label_smoothing": torch.tensor(0.0),
                 "truncation": torch.tensor(2.0)}  # fmt: skip
        batch = {"x": scale * torch.randn(4, 2)}
        z = torch.rand(4, config.latent_size)
        loss, _ = game.loss("critic", nets, batch, {"z": z}, hyper)
        found.append((loss, game.sample(nets, {"z": z}, hyper) / scale))
    torch.testing.assert_close(found[0], found[1])


def test_images_are_not_scaled() -> None:
    with pytest.raises(ValueError, match="point_scale=4"):
        Gan(GanConfig(point_scale=4.0), SimpleNamespace(shape=(1, 8, 8), classes=0, count=10))
