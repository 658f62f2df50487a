"""A GAN's losses, with each penalty and each cure, by hand from what its networks return."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from bound_nets import bind_all
from formulas_by_hand import MAXIMISED, MINIMISED, draws, penalty_by_hand
from gensweep.space import with_scope
from gensweep_models.adversarial.gan import Gan
from gensweep_models.adversarial.gan_config import GanConfig, PenaltyChoice
from gensweep_models.game import Loss

BATCH, PROGRESS = 4, 0.25
OWN = {"wasserstein_gp": "gradient"} | dict.fromkeys(
    ("lipschitz", "lipschitz_exp", "lipschitz_sqrt"), "max_gradient"
)
"""The penalty that belongs to an objective."""
LABELS = ("minimax", "non_saturating", "least_squares")
TOGETHER = {"instance_noise": True, "historical_averaging": True, "packing": 2}
CURES: list[dict[str, Any]] = [
    {}, *({name: value} for name, value in TOGETHER.items()), {"label_smoothing": 0.3},
    {"feature_matching": True}, {"minibatch_kernels": 3}, {"batch_norm": True}, {"spectral": True},
]  # fmt: skip


def _cases() -> list[dict[str, Any]]:
    """Settings that compose: every objective with every penalty, and with every cure."""
    found = []
    for objective in MAXIMISED:
        smooth = {"label_smoothing": 0.3} if objective in LABELS else {}
        cases = [{"penalty": name} | TOGETHER | smooth for name in get_args(PenaltyChoice)] + CURES
        for case in cases:
            try:
                GanConfig(objective=objective, **case)  # type: ignore[arg-type]
            except ValueError:
                continue
            found.append({"objective": objective, **case})
    return found


CASES = _cases()
COUNT = dict.fromkeys(LABELS, 18) | {
    "relativistic": 16, "hinge": 14, "wasserstein": 9, "wasserstein_gp": 13,
    **dict.fromkeys(set(OWN) - {"wasserstein_gp"}, 13),
}  # fmt: skip
"""A case for each of 9 penalties and 9 cures, but those that an objective refuses."""


class ByHand:
    """A game with networks of random weights and the numbers drawn for a turn, in float64."""

    def __init__(self, player: str, settings: dict[str, Any]) -> None:
        torch.manual_seed(0)
        self.player, self.config = player, GanConfig(
            hidden=8, layers=2, latent_size=3, batch_size=BATCH, penalty_weight=0.7,
            history_weight=0.4, noise_scale=0.6, **settings,
        )  # fmt: skip
        self.game = Gan(self.config, SimpleNamespace(shape=(2,), classes=0, count=10))
        # In evaluation mode a call changes no power iteration and no mean of past weights.
        self.nets: Any = {n: p.build().double().eval() for n, p in self.game.players.items()}
        for net in self.nets.values():
            for buffer in filter(Tensor.is_floating_point, net.buffers()):
                buffer.copy_(0.5 + torch.rand_like(buffer))
            for weight in net.parameters():
                nn.init.normal_(weight, std=0.5)
        if self.config.normalised:
            self._converge()
        own, asked = OWN.get(self.config.objective, "none"), self.config.penalty
        self.penalty = own if asked == "own" else asked
        self.x = 2 * torch.randn(BATCH, 2, dtype=torch.float64)
        self.noise = {n: torch.rand(shape).double() for n, shape in self.shapes().items()}

    def _converge(self) -> None:
        """Iterate until the critic's layers have norm 1.

        Norms that are far too small make scores of hundreds, where torch's softplus is linear.
        """
        critic = self.nets["critic"].train()
        for _ in range(30):
            critic(torch.ones(2, 2 * self.config.packing, dtype=torch.float64))
        critic.eval()

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all numbers that the turn needs."""
        found = {"z": (BATCH, 3)}
        if self.config.instance_noise:
            found |= {"near_real": (BATCH, 2), "near_fake": (BATCH, 2)}
        penalised = self.player == "critic" and self.penalty != "none"
        return found | (draws(self.penalty, BATCH, (2,)) if penalised else {})

    def loss(self) -> Loss:
        """What the game returns."""
        lane = with_scope(self.config, "lane") | {"progress": PROGRESS}
        told = {n: torch.tensor(v, dtype=torch.float64) for n, v in lane.items()}
        nets = bind_all(self.nets)
        found: Loss = self.game.loss(self.player, nets, {"x": self.x}, self.noise, told)
        return found

    def joined(self, x: Tensor) -> Tensor:
        """Neighbours side by side."""
        return torch.cat([x[0::2], x[1::2]], 1) if self.config.packing > 1 else x

    def seen(self, x: Tensor, near: str) -> Tensor:
        """Examples as the critic sees them."""
        noisy = self.config.instance_noise
        return self.joined(x + 0.6 * (1 - PROGRESS) * self.noise[near] if noisy else x)

    def expected(self) -> Loss:
        """The objective of the player, its penalty, and the pull of its past."""
        real, fake = self.x, self.nets["generator"](self.noise["z"])
        real, fake = self.seen(real, "near_real"), self.seen(fake, "near_fake")
        loss, told = (self.of_critic if self.player == "critic" else self.of_generator)(real, fake)
        if self.config.historical_averaging:
            net, (_, *means) = self.nets[self.player].net, self.nets[self.player].past.buffers()
            pairs = zip(net.parameters(), means, strict=True)
            distance = torch.stack([((w - mean) ** 2).sum() for w, mean in pairs]).sum()
            loss, told[f"{self.player}_history"] = loss + 0.4 * distance, distance
        return loss, told

    def of_critic(self, real: Tensor, fake: Tensor) -> Loss:
        """Its loss without the past, with the label of data at 1 - share: share C(x) more."""
        c, critic = self.config, self.nets["critic"]
        on_real, on_fake = critic(real)[:, 0], critic(fake)[:, 0]
        loss = -MAXIMISED[c.objective](on_real, on_fake) + c.label_smoothing * on_real.mean()
        pairs = [float(r > f) for r, f in zip(on_real, on_fake, strict=True)]
        told = {"critic_gap": on_real.mean() - on_fake.mean(),
                "critic_accuracy": on_real.new_tensor(pairs).mean()}  # fmt: skip
        if self.penalty != "none":
            # a number of an example is one of its pack, and then the first's
            drawn = {n: self.noise[n] for n in draws(self.penalty, BATCH, (2,))}
            drawn = {n: v[:: c.packing] if n == "epsilon" else self.joined(v)
                     for n, v in drawn.items()}  # fmt: skip
            told["penalty"] = penalty_by_hand(self.penalty, critic, real, fake, drawn)
            loss = loss + 0.7 * told["penalty"]
        return loss, told

    def of_generator(self, real: Tensor, fake: Tensor) -> Loss:
        """Its loss without the past: by the scores, or by the features under the last layer."""
        critic = self.nets["critic"]
        if self.config.feature_matching:
            hidden = critic[1][:-1]
            return ((hidden(real).mean(0) - hidden(fake).mean(0)) ** 2).sum(), {}
        return MINIMISED[self.config.objective](critic(real)[:, 0], critic(fake)[:, 0]), {}


def test_what_is_refused_leaves_out_no_more_than_it_should() -> None:
    assert Counter(case["objective"] for case in CASES) == COUNT


@pytest.mark.parametrize("player", ["critic", "generator"])
@pytest.mark.parametrize("settings", CASES, ids=lambda one: "-".join(map(str, one.values())))
def test_a_players_loss_and_its_gradient_are_the_formulas(
    player: str, settings: dict[str, Any]
) -> None:
    trial = ByHand(player, settings)
    assert {n: one.shape for n, one in trial.game.noise[player].items()} == trial.shapes()
    (loss, metrics), (expected, told) = trial.loss(), trial.expected()
    module = trial.nets[player]
    weights = list(getattr(module, "net", module).parameters())
    torch.testing.assert_close(loss, expected, rtol=1e-9, atol=1e-9)
    found, due = (
        torch.autograd.grad(one, weights, allow_unused=True, materialize_grads=True)
        for one in (loss, expected)
    )
    torch.testing.assert_close(found, due, rtol=1e-6, atol=1e-8)
    assert any(bool(one.any()) for one in found)
    metrics.pop("sigma_critic", None)
    assert metrics.keys() == told.keys()
    for name, value in told.items():
        torch.testing.assert_close(metrics[name], value.detach(), rtol=1e-9, atol=1e-9)
