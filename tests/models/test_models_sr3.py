"""SR3's laws: what samples know of an example, the levels of training, the scores' zero points."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from bound_nets import bind
from gensweep_models.diffusion.sr3 import Sr3, Sr3Config

HYPER = {"truncation": torch.tensor(5.0)}


def game_of(shape: tuple[int, ...] = (1, 8, 8), **settings: Any) -> Sr3:
    small = {"channels": 8, "batch_size": 16, "steps": 100, "sample_steps": 10, "factor": 2}
    return Sr3(Sr3Config(**small | settings), SimpleNamespace(shape=shape, classes=0, count=64))


def _noise(game: Sr3, count: int) -> dict[str, Tensor]:
    drawn = {"z": torch.rand(count, *game.sample_noise(count)["z"].shape[1:])}
    return drawn | {"steps": torch.randint(1 << 62, (count,))}


def _images(count: int, factor: int = 2) -> Tensor:
    blocks = torch.rand(count, 1, 8 // factor, 8 // factor) * 1.6 - 0.8
    return interpolate(blocks, scale_factor=float(factor))


class Knowing:
    """Predicts the noise that is left if the image is `x`."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __call__(self, seen: Tensor, level: Tensor) -> Tensor:
        share = level[:, None, None, None]
        return (seen[:, :1] - share * self.x) / (1 - share.square()).sqrt()


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_a_network_that_knows_the_image_finds_it(sampler: Any) -> None:
    game, x = game_of(sampler=sampler), _images(4)
    scores = game.scores({"denoiser": Knowing(x)}, {"x": x}, _noise(game, 4), HYPER, {"x": x})
    assert set(scores) == set(game.score_names)
    assert float(scores["psnr"].min()) > 40
    assert float(scores["ssim"].min()) > 0.99
    assert float(scores["gain_over_bicubic"].min()) > 10
    assert float(scores["ssim_gain_over_bicubic"].min()) > 0
    assert float(scores["consistency_error"].max()) < 1e-4


def test_bicubic_interpolation_has_no_gain_over_itself() -> None:
    game = game_of()
    x = torch.rand(4, 1, 8, 8) * 2 - 1
    nets = {"denoiser": Knowing(game.enlarged(x))}
    scores = game.scores(nets, {"x": x}, _noise(game, 4), HYPER, {"x": x})
    torch.testing.assert_close(scores["gain_over_bicubic"], torch.zeros(4), rtol=0, atol=1e-3)
    alike = scores["ssim_gain_over_bicubic"]
    torch.testing.assert_close(alike, torch.zeros(4), rtol=0, atol=1e-4)


def test_samples_know_the_small_image_alone() -> None:
    torch.manual_seed(0)
    game = game_of()
    module = game.players["denoiser"].build()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    nets = {"denoiser": bind("denoiser", module)}
    x, noise = _images(4), _noise(game, 4)
    checks = interpolate(torch.tensor([[[[0.2, -0.2], [-0.2, 0.2]]]]), (8, 8))
    tiles = torch.tensor([[0.2, -0.2], [-0.2, 0.2]]).repeat(4, 4)
    first = game.sample(nets, noise, HYPER, {"x": x})
    torch.testing.assert_close(game.sample(nets, noise, HYPER, {"x": x + tiles}), first)
    assert not torch.allclose(game.sample(nets, noise, HYPER, {"x": x + checks}), first)


def test_levels_are_uniform_within_their_steps() -> None:
    """The network is told the root of a share between those of the step's ends."""
    game, seen = game_of(batch_size=200), []

    def denoiser(x: Tensor, level: Tensor) -> Tensor:
        seen.append(level.double().square())
        return 0 * x[:, :1]

    t, level = torch.rand(200), torch.linspace(0, 1, 200)
    noise = {"epsilon": torch.randn(200, 1, 8, 8), "t": t, "level": level}
    game.loss("denoiser", {"denoiser": denoiser}, {"x": _images(200)}, noise, HYPER)
    late, early = (game.schedule.alpha_bar(game.times(t) - back) for back in (0, 1))
    torch.testing.assert_close(
        (early - seen[0]) / (early - late), level.double(), atol=1e-2, rtol=0
    )


def test_the_loss_is_the_norm_that_it_says() -> None:
    game, x = game_of(norm=2), _images(16)
    noise = {"epsilon": torch.randn(16, 1, 8, 8), "t": torch.rand(16), "level": torch.rand(16)}
    found, _ = game.loss("denoiser", {"denoiser": lambda s, t: 0 * s[:, :1]}, {"x": x}, noise, {})
    assert float(found) == pytest.approx(float(noise["epsilon"].square().mean()), rel=1e-5)
    one, _ = game_of(norm=1).loss("denoiser", {"denoiser": lambda s, t: 0 * s[:, :1]}, {"x": x},
                                  noise, {})  # fmt: skip
    assert float(one) == pytest.approx(float(noise["epsilon"].abs().mean()), rel=1e-5)


class Mixing(torch.nn.Module):
    """Takes for the image a mixture of the noisy one and the enlarged one: two numbers learn."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = torch.nn.Parameter(torch.zeros(2))

    def forward(self, seen: Tensor, level: Tensor) -> Tensor:
        return Knowing((seen * self.weights[:, None, None]).sum(1, keepdim=True))(seen, level)


def test_training_makes_samples_agree_with_their_small_image() -> None:
    torch.manual_seed(0)
    game, module = game_of(sampler="ddim"), Mixing()
    nets, step = {"denoiser": bind("denoiser", module)}, torch.optim.Adam(module.parameters(), 0.02)
    for _ in range(100):
        noise = {"epsilon": torch.randn(16, 1, 8, 8), "t": torch.rand(16), "level": torch.rand(16)}
        step.zero_grad()
        game.loss("denoiser", nets, {"x": _images(16)}, noise, {})[0].backward()
        step.step()
    x, noise = _images(16), _noise(game, 16)
    with torch.no_grad():
        small = game.shrunk(game.reconstruct(nets, x, noise, HYPER, {"x": x}))
    own = float((small - game.shrunk(x)).square().mean())
    assert own < float((small - game.shrunk(x).flip(0)).square().mean()) / 5


@pytest.mark.parametrize("shape", [(2,), (1, 28, 30)])
def test_images_that_do_not_shrink_are_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="images have sides that the factor divides"):
        game_of(shape, factor=4)
