"""What the players of convolutional GANs minimise: each paper's formula, written out here."""

import copy
from collections.abc import Callable
from dataclasses import fields
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from bound_nets import bind
from gensweep_models.nets.spectral import spectral_layers
from small_entries import small_game

VALUES = {"penalty_weight": 3.0, "drift_weight": 0.7, "orthogonal_weight": 0.5, "mixing": 0.5,
          "grown": 0.5, "progress": 0.3125}  # fmt: skip
"""Weights at which every term is seen; 0.3125 of a budget of 0.5 fades the only doubling in by a
quarter."""
Formula = Callable[["Trial"], dict[str, Tensor]]
"""Critic's and generator's loss, and the critic's gap."""


class Trial:
    """A small game with random weights; its networks are called by formulas as they are.

    Spectral layers have their first singular vectors and keep them: the order of calls is nothing.
    """

    def __init__(self, name: str, **values: Any) -> None:
        torch.manual_seed(0)
        self.game: Any = small_game(name, **values)
        config = self.game.config
        self.nets = {n: _random(p.build()) for n, p in self.game.players.items()}
        self.x, self.y = torch.rand(8, 1, 8, 8) * 2 - 1, torch.tensor([0, 1, 2, 0, 0, 1, 2, 2])
        draws: dict[str, Any] = {"normal": torch.randn, "uniform": torch.rand}
        self.noise = {n: draws[o.kind](o.shape) for n, o in self.game.noise["critic"].items()}
        numbers = {f.name: getattr(config, f.name) for f in fields(config)} | VALUES
        self.hyper = {n: torch.tensor(v) for n, v in numbers.items() if isinstance(v, int | float)}

    def told(self, player: str) -> tuple[Tensor, dict[str, Tensor]]:
        """What the game says that the player pays, with its penalty."""
        nets = {name: bind(name, copy.deepcopy(net)) for name, net in self.nets.items()}
        nets[player] = bind(player, self.nets[player])
        said = nets, {"x": self.x, "y": self.y}, self.noise, self.hyper
        loss, metrics = self.game.loss(player, *said)
        if self.game.players[player].penalty_every:
            loss = loss + self.game.penalty(player, *said)[0]
        return loss, metrics


def _random(net: nn.Module) -> nn.Module:
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for layer in spectral_layers(net):
            u, _, v = torch.linalg.svd(layer.weight.flatten(1), full_matrices=False)
            layer.eval().u.copy_(u[:, 0])
            layer.v.copy_(v[0])
    return net


def scores(trial: Trial, *condition: Tensor) -> tuple[Tensor, Tensor]:
    """Of real examples and of samples, [B] each, each batch scored by itself."""
    critic, fake = trial.nets["critic"], trial.nets["generator"](trial.noise["z"], *condition)
    return critic(trial.x, *condition).reshape(8), critic(fake, *condition).reshape(8)


def cross_entropy(real: Tensor, fake: Tensor, *, minimax: bool = False) -> dict[str, Tensor]:
    """Of D = sigma(C): equation 1 of arXiv:1406.2661, and what its section 3 has instead."""
    likely, unlike = real.sigmoid().log().mean(), (-fake).sigmoid().log().mean()
    generator = unlike if minimax else -fake.sigmoid().log().mean()
    return told(real, fake, -likely - unlike, generator)


def hinge(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Equation 4 of SAGAN, arXiv:1805.08318."""
    critic = -(real - 1).clamp(max=0).mean() - (-1 - fake).clamp(max=0).mean()
    return told(real, fake, critic, -fake.mean())


def told(real: Tensor, fake: Tensor, critic: Tensor, generator: Tensor) -> dict[str, Tensor]:
    pairs = (real > fake).float().mean()
    return {"critic": critic, "generator": generator, "gap": real.mean() - fake.mean(),
            "accuracy": pairs}  # fmt: skip


def biggan(trial: Trial) -> dict[str, Tensor]:
    """With equation 3: beta |W W^T * (1 - I)|^2 of the generator's filters."""
    found = hinge(*scores(trial, trial.y))
    for layer in spectral_layers(trial.nets["generator"]):
        matrix = layer.weight.flatten(1)
        unlike = (matrix @ matrix.mT) * (1 - torch.eye(len(matrix)))
        found["generator"] = found["generator"] + 0.5 * unlike.square().sum()
    return found


def progan(trial: Trial) -> dict[str, Tensor]:
    """WGAN-GP with a drift term, appendix A.1, of images a quarter faded in."""
    alphas, critic = torch.tensor([0.25]), trial.nets["critic"]
    x = 0.75 * interpolate(avg_pool2d(trial.x, 2), scale_factor=2.0) + 0.25 * trial.x
    samples, epsilon = trial.nets["generator"](trial.noise["z"], alphas), trial.noise["epsilon"]
    between = (epsilon * x + (1 - epsilon) * samples).detach().requires_grad_()
    slope = torch.autograd.grad(critic(between, alphas).sum(), between, create_graph=True)[0]
    penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
    real, fake = critic(x, alphas), critic(samples, alphas)
    paid = fake.mean() - real.mean() + 3 * penalty + 0.7 * real.square().mean()
    return told(real, fake, paid, -fake.mean())


def stylegan(trial: Trial) -> dict[str, Tensor]:
    """Cross entropy and gamma / 2 E |grad D(x)|^2; styles are mixed, with a probability of 0.5."""
    n, critic, z = trial.noise, trial.nets["critic"], trial.noise["z"]
    layers = sum(name.startswith("noise") for name in n)
    place = [1 + int(u / 0.5 * (layers - 1)) if u < 0.5 else layers for u in n["mixing"].tolist()]
    assert len(set(place)) > 2
    drawn = [n[f"noise{layer}"] for layer in range(layers)]
    fake = critic(trial.nets["generator"](z, n["other"], torch.tensor(place), drawn))
    x = trial.x.clone().requires_grad_()
    real = critic(x)
    (slope,) = torch.autograd.grad(real.sum(), x, create_graph=True)
    found = cross_entropy(real, fake)
    found["critic"] = found["critic"] + 3 / 2 * slope.flatten(1).norm(dim=1).square().mean()
    return found


CGAN: dict[str, Formula] = {
    "non_saturating": lambda trial: cross_entropy(*scores(trial, trial.y)),
    "minimax": lambda trial: cross_entropy(*scores(trial, trial.y), minimax=True),
    "hinge": lambda trial: hinge(*scores(trial, trial.y)),
}
CASES: list[tuple[str, dict[str, Any], Formula]] = [
    ("dcgan", {}, lambda trial: cross_entropy(*scores(trial))),
    *(("cgan", {"objective": objective, "conditioning": way, "body": "conv"}, CGAN[objective])
      for objective, way in product(CGAN, ("concatenation", "projection"))),
    ("sagan", {}, CGAN["hinge"]),
    ("biggan", {"latent_size": 10}, biggan),
    ("progan", {}, progan),
    ("stylegan", {"modulation": "adain"}, stylegan),
    ("stylegan", {"modulation": "demodulation"}, stylegan),
]  # fmt: skip


@pytest.mark.parametrize(("name", "values", "formula"), CASES)
def test_a_player_minimises_its_papers_formula(
    name: str, values: dict[str, Any], formula: Formula
) -> None:
    """The loss with its penalty, its gradient in the player's weights, and the critic's gap."""
    trial = Trial(name, **values)
    wanted = formula(trial)
    for player, net in trial.nets.items():
        loss, metrics = trial.told(player)
        torch.testing.assert_close(loss, wanted[player], rtol=1e-4, atol=1e-5)
        if player == "critic":
            torch.testing.assert_close(metrics["critic_gap"], wanted["gap"], rtol=1e-4, atol=1e-5)
            assert metrics["critic_accuracy"] == wanted["accuracy"]
        weights = list(net.parameters())
        found, known = (
            torch.autograd.grad(
                one, weights, retain_graph=True, allow_unused=True, materialize_grads=True
            )
            for one in (loss, wanted[player])
        )
        largest = max(float(gradient.abs().max()) for gradient in known)
        assert largest > 0
        for got, want in zip(found, known, strict=True):
            torch.testing.assert_close(got, want, rtol=1e-3, atol=1e-4 * largest)
