"""Guidance's laws: none is the conditional network, and by Bayes' rule it is another one."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bound_nets import bind
from gensweep_models.diffusion.guided_diffusion import GuidedDiffusion, GuidedDiffusionConfig
from gensweep_models.diffusion.process import Schedule

MEANS, DEVIATION = torch.tensor([[1.0, 0.5], [-1.0, 0.0]]), 0.3
SMALL: dict[str, Any] = {
    "channels": 8, "hidden": 16, "layers": 1, "batch_size": 8, "steps": 100, "variance": "small",
    "noise_schedule": "linear", "sampler": "ddim",
}  # fmt: skip


def game_of(shape: tuple[int, ...] = (2,), **settings: Any) -> GuidedDiffusion:
    data = SimpleNamespace(shape=shape, classes=2, count=64)
    return GuidedDiffusion(GuidedDiffusionConfig(**SMALL | settings), data)


def hyper_of(scale: float) -> dict[str, Tensor]:
    values = {"truncation": 9.0, "guidance_scale": scale, "label_dropout": 0.25}
    return {name: torch.tensor(value) for name, value in values.items()}


def logits_of(schedule: Schedule, x: Tensor, time: Tensor) -> Tensor:
    """log p(y | xt) of two classes of normal data, up to what both have."""
    kept = schedule.alpha_bar((time * schedule.steps).round().long())[:, None, None]
    total = kept * DEVIATION**2 + 1 - kept
    distance = (x[:, None] - kept.sqrt() * MEANS).square() / total
    return (-distance.sum(2) / 2).to(x.dtype)


def noise_of(schedule: Schedule, x: Tensor, time: Tensor, share: Tensor) -> Tensor:
    """The best prediction of the noise in data whose class has the probabilities `share`."""
    kept = schedule.alpha_bar((time * schedule.steps).round().long())[:, None]
    total = kept * DEVIATION**2 + 1 - kept
    mean = kept.sqrt() * (share.double() @ MEANS.double())
    return ((1 - kept).sqrt() * (x - mean) / total).to(x.dtype)


class Classifier:
    """Bayes' rule as a network."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    @property
    def still(self) -> "Classifier":
        return self

    def __call__(self, x: Tensor, time: Tensor) -> Tensor:
        return logits_of(self.schedule, x, time)


def _oracles(game: GuidedDiffusion, told: bool) -> Any:
    """Exact networks; a denoiser that is not `told` the class goes by its probability."""

    def denoiser(x: Tensor, time: Tensor, condition: Tensor) -> Tensor:
        guessed = logits_of(game.schedule, x, time).softmax(1)
        known = condition[:, :2] * (1.0 if told else 0.0)
        share = known + (1 - known.sum(1, keepdim=True)) * guessed
        return noise_of(game.schedule, x, time, share)

    return {"denoiser": denoiser, "classifier": Classifier(game.schedule)}


def _samples(game: GuidedDiffusion, nets: Any, scale: float, y: Tensor) -> Tensor:
    torch.manual_seed(0)
    noise = {"z": torch.rand(len(y), 2), "steps": torch.randint(1 << 62, (len(y),))}
    return game.sample(nets, noise, hyper_of(scale), {"y": y})


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_a_classifier_makes_a_model_without_classes_conditional(sampler: Any) -> None:
    """At scale 1, by Bayes' rule: the gradient of log p(x | y) is the sum of both."""
    game = game_of(
        guidance="classifier", sampler=sampler, steps=400, sample_steps=100, variance="large"
    )
    nets, y = _oracles(game, told=False), torch.arange(1000) % 2
    found = _samples(game, nets, 1.0, y)
    for label in range(2):
        torch.testing.assert_close(found[y == label].mean(0), MEANS[label], rtol=0, atol=0.06)
        assert float(found[y == label].std(0).mean()) == pytest.approx(DEVIATION, rel=0.1)


def test_a_classifier_moves_the_mean_of_an_ancestral_step_by_the_variance() -> None:
    """arXiv:2105.05233, algorithm 1. A shift of the noise grows without bound in few steps."""
    game = game_of(guidance="classifier", sampler="ancestral", steps=1000, sample_steps=25)
    nets, told = _oracles(game, told=True), {"y": torch.tensor([0, 1, 1, 0])}
    torch.manual_seed(0)
    x, noise = torch.randn(4, 2), {"steps": torch.randint(1 << 62, (4,))}
    for step in (0, 12, 23):
        at = torch.tensor(step)
        plain, guided = (
            game.sample_step(nets, x, at, noise, hyper_of(scale), told) for scale in (0.0, 3.0)
        )
        t, s = (torch.full((4,), 1000 - 40 * (step + one)) for one in (0, 1))
        variance = game.schedule.posterior(x, x, t, s)[1]
        noisy = x.clone().requires_grad_()
        logits = nets["classifier"](noisy, t / 1000).log_softmax(1)
        (gradient,) = torch.autograd.grad(logits.gather(1, told["y"][:, None]).sum(), noisy)
        torch.testing.assert_close(guided - plain, 3 * variance * gradient, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("guidance", ["classifier", "classifier_free"])
def test_more_guidance_makes_the_class_more_probable(guidance: Any) -> None:
    game = game_of(guidance=guidance)
    nets, y = _oracles(game, told=True), torch.arange(400) % 2
    likely = []
    for scale in (0.0, 1.0, 4.0):
        x = _samples(game, nets, scale, y)
        logits = logits_of(game.schedule, x, torch.zeros(len(x)))
        likely.append(float((logits.gather(1, y[:, None])[:, 0] - logits.logsumexp(1)).mean()))
        if scale == 0:
            variety = float(x[y == 0].std(0).mean())
    assert likely[0] < likely[1] < likely[2]
    assert float(x[y == 0].std(0).mean()) < variety


@pytest.mark.parametrize("shape", [(2,), (1, 8, 8)])
@pytest.mark.parametrize("guidance", ["classifier", "classifier_free"])
def test_without_guidance_it_is_the_conditional_network(shape: Any, guidance: Any) -> None:
    torch.manual_seed(0)
    game = game_of(shape, guidance=guidance, variance="learned")
    nets: Any = {}
    for name, player in game.players.items():
        module = player.build()
        for parameter in module.parameters():
            torch.nn.init.normal_(parameter, std=0.1)
        nets[name] = bind(name, module)
    x, t = torch.randn(4, *shape), torch.tensor([1, 20, 50, 99])
    told = {"y": torch.tensor([0, 1, 1, 0])}
    alone, _ = game.predict(nets, x, t, told)
    none, _ = game.denoised(nets, x, t, hyper_of(0.0), told)
    torch.testing.assert_close(none, game.clipped(alone))
    assert not torch.equal(game.denoised(nets, x, t, hyper_of(2.0), told)[0], none)
    if guidance == "classifier_free":
        unknown, _ = game.predict(nets, x, t, {"y": torch.full((4,), 2)})
        wanted = game.clipped(3 * alone - 2 * unknown)
        found, _ = game.denoised(nets, x, t, hyper_of(2.0), told)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_a_share_of_the_classes_is_dropped() -> None:
    batch, noise = {"y": torch.ones(4000).long()}, {"dropped": torch.rand(4000)}
    found = game_of().told(batch, noise, hyper_of(0))["y"]
    assert float((found == 2).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert set(found.tolist()) == {1, 2}
    kept = game_of(guidance="classifier").told(batch, noise, hyper_of(0))["y"]
    assert torch.equal(kept, batch["y"])


def test_the_classifier_is_shown_noisy_examples_and_their_times() -> None:
    torch.manual_seed(0)
    game, seen = game_of(guidance="classifier"), []

    def classifier(x: Tensor, time: Tensor) -> Tensor:
        seen.append((x, time))
        return torch.zeros(len(x), 2)

    batch = {"x": torch.randn(8, 2), "y": torch.arange(8) % 2}
    noise = {"epsilon": torch.randn(8, 2), "t": (torch.arange(8) + 0.5) / 8}
    nets: Any = {"classifier": classifier}
    game.loss("classifier", nets, batch, noise, {})
    ((noisy, time),) = seen
    kept = game.schedule.alpha_bar((time * game.config.steps).round().long())[:, None]
    wanted = kept.sqrt() * batch["x"] + (1 - kept).sqrt() * noise["epsilon"]
    torch.testing.assert_close(noisy, wanted.to(noisy.dtype))
    assert len(time.unique()) == 8
    assert float((noisy - batch["x"]).abs().amax(1).min()) > 0.05


def test_the_classifier_learns() -> None:
    torch.manual_seed(0)
    game = game_of((1, 8, 8), guidance="classifier", batch_size=64)
    module = game.players["classifier"].build()
    step = torch.optim.Adam(module.parameters(), lr=3e-3)
    for _ in range(40):
        y = torch.randint(2, (64,))
        x = (2.0 * y - 1)[:, None, None, None] * torch.ones(1, 1, 8, 8) * 0.8
        noise = {"epsilon": torch.randn(64, 1, 8, 8), "t": torch.rand(64)}
        nets = {"classifier": bind("classifier", module)}
        loss, metrics = game.loss("classifier", nets, {"x": x, "y": y}, noise, {})
        step.zero_grad()
        loss.backward()
        step.step()
    assert float(metrics["noisy_accuracy"]) > 0.75


def test_data_without_classes_are_refused() -> None:
    data = SimpleNamespace(shape=(2,), classes=0, count=64)
    with pytest.raises(ValueError, match="the data have classes; choose improved_ddpm"):
        GuidedDiffusion(GuidedDiffusionConfig(), data)
