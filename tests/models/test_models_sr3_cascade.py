"""The cascade's laws: each stage knows what the one before drew, and how noisy it was made."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from bound_nets import bind
from gensweep_models.diffusion.sr3_cascade import Sr3Cascade, Sr3CascadeConfig


def hyper_of(augmentation: float, most: float = 1.0) -> dict[str, Tensor]:
    values = {"truncation": 5.0, "augmentation": augmentation, "most_augmentation": most}
    return {name: torch.tensor(value) for name, value in values.items()}


def game_of(shape: tuple[int, ...] = (1, 16, 16), **settings: Any) -> Sr3Cascade:
    small = {"channels": 8, "batch_size": 16, "steps": 100, "sample_steps": 10}
    data = SimpleNamespace(shape=shape, classes=0, count=64)
    return Sr3Cascade(Sr3CascadeConfig(**small | settings), data)


def noise_of(game: Sr3Cascade, count: int) -> dict[str, Tensor]:
    kinds = {"normal": torch.randn, "uniform": torch.rand}
    return {
        name: kinds.get(one.kind, lambda s: torch.randint(1 << 62, s))(one.shape)
        for name, one in game.sample_noise(count).items()
    }


class Knowing:
    """Predicts the noise that is left if the image is `x`, and keeps what it is shown and told."""

    def __init__(self, x: Tensor) -> None:
        self.x = x
        self.shown: list[tuple[Tensor, ...]] = []

    def __call__(self, seen: Tensor, level: Tensor, *told: Tensor) -> Tensor:
        self.shown.append((seen[:, 1:], *told))
        share = level[:, None, None, None]
        return (seen[:, :1] - share * self.x) / (1 - share.square()).sqrt()


def images(count: int) -> Tensor:
    return interpolate(torch.rand(count, 1, 8, 8) * 1.6 - 0.8, scale_factor=2.0)


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_the_second_stage_is_shown_what_the_first_drew(sampler: Any) -> None:
    """Here other images than the example's, at half their sides."""
    game, x, middle = game_of(sampler=sampler), images(4), torch.rand(4, 1, 8, 8) - 0.5
    nets: Any = {"first": Knowing(middle), "second": Knowing(x)}
    found = game.sample(nets, noise_of(game, 4), hyper_of(0.0), {"x": x})
    torch.testing.assert_close(found, x, rtol=0, atol=0.02)
    grown = interpolate(middle, (16, 16), mode="bicubic", align_corners=False).clamp(-1, 1)
    for shown, told in nets["second"].shown:
        torch.testing.assert_close(shown, grown, rtol=0, atol=0.02)
        torch.testing.assert_close(told, torch.ones(4, 1))
    small = avg_pool2d(x, 4)
    for (shown,) in nets["first"].shown:
        torch.testing.assert_close(
            shown, interpolate(small, (8, 8), mode="bicubic", align_corners=False).clamp(-1, 1)
        )


def test_small_images_are_noised_as_of_the_time_that_is_told() -> None:
    game, small = game_of(), torch.full((2000, 1, 8, 8), 0.5)
    share, noise = torch.full((2000,), 0.3), torch.randn(2000, 1, 8, 8)
    told = game.second.noised(small, share, noise)
    left = game.second.schedule.alpha_bar(torch.tensor(30)).float()
    torch.testing.assert_close(told["augmented"], left.sqrt().expand(2000, 1))
    assert float(told["small"].mean()) == pytest.approx(float(left.sqrt()) / 2, abs=0.01)
    assert float(told["small"].var()) == pytest.approx(1 - float(left), rel=0.01)
    clean = game.second.noised(small, 0 * share, noise)
    assert torch.equal(clean["small"], small)


def training_noise(game: Sr3Cascade) -> dict[str, Tensor]:
    return {
        name: torch.randn(one.shape) if one.kind == "normal" else torch.rand(one.shape)
        for name, one in game.noise["second"].items()
    }


@pytest.mark.parametrize("most", [0.2, 1.0])
def test_training_shows_the_second_stage_all_times_up_to_the_most(most: float) -> None:
    game, x = game_of(batch_size=16), images(16)
    net = Knowing(x)
    noise = training_noise(game) | {"augmented": torch.linspace(0, 0.999, 16)}
    nets: Any = {"second": net}
    game.loss("second", nets, {"x": x}, noise, hyper_of(0.0, most))
    told = net.shown[0][1].double().square()[:, 0]
    wanted = game.second.schedule.alpha_bar((most * noise["augmented"] * 100).long())
    torch.testing.assert_close(told, wanted, rtol=1e-4, atol=1e-6)


def test_samples_are_shown_a_share_of_the_most_noise() -> None:
    game, x = game_of(), images(4)
    nets: Any = {"first": Knowing(avg_pool2d(x, 2)), "second": Knowing(x)}
    game.sample(nets, noise_of(game, 4), hyper_of(0.5, most=0.2), {"x": x})
    left = game.second.schedule.alpha_bar(torch.tensor(10)).float().sqrt()
    for _, told in nets["second"].shown:
        torch.testing.assert_close(told, left.expand(4, 1))


class Mixing(torch.nn.Module):
    """Takes for the image a mixture of the noisy one and the enlarged one: two numbers learn."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.zeros(2))

    def forward(self, seen: Tensor, level: Tensor, augmented: Tensor) -> Tensor:
        mixed = (seen * self.weights[:, None, None]).sum(1, keepdim=True)
        return Knowing(mixed)(seen, level)


def test_the_second_stage_learns_to_use_what_it_is_shown() -> None:
    """At the default most; at all times up to T it is shown too much noise to trust it."""
    default = Sr3CascadeConfig().most_augmentation
    trust, distrust = (trust_after_training(most) for most in (default, 1.0))
    assert trust > max(0.3, 4 * distrust)


def trust_after_training(most: float) -> float:
    """The weight of the enlarged image in what a `Mixing` second stage takes for the image."""
    torch.manual_seed(0)
    game, module = game_of(), Mixing()
    nets: Any = {"second": bind("second", module)}
    step = torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(100):
        step.zero_grad()
        inputs = {"x": images(16)}, training_noise(game), hyper_of(0.0, most)
        game.loss("second", nets, *inputs)[0].backward()
        step.step()
    return float(module.weights[1].detach())


@pytest.mark.parametrize("factor", [2, 3])
def test_a_factor_that_leaves_no_first_stage_is_refused(factor: int) -> None:
    with pytest.raises(ValueError, match="factor is 4, 6, 8"):
        game_of((1, 24, 24), factor=factor)
