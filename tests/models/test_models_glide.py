"""GLIDE's laws: guidance, what it reads of a text, dropped texts, and pixels that are known."""

from typing import Any

import pytest
import torch
from torch import Tensor

from bound_nets import bind
from gensweep.testing import RandomExamples, find_violations
from gensweep_models.catalog import CATALOG
from gensweep_models.diffusion.glide import Glide, GlideConfig, rectangles

SMALL: dict[str, Any] = {
    "channels": 8, "batch_size": 8, "steps": 50, "text_channels": 8, "text_layers": 1,
    "text_heads": 2, "sample_steps": 3,
}  # fmt: skip
ABOUT = {"caption": {"dtype": "int64", "shape": (6,), "levels": 255}}
DATA = RandomExamples((1, 8, 8), columns=ABOUT)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def hyper_of(scale: float = 0.0) -> dict[str, Tensor]:
    values = {"truncation": 9.0, "guidance_scale": scale, "caption_dropout": 0.25,
              "inpainting": 0.4}  # fmt: skip
    return {name: torch.tensor(value) for name, value in values.items()}


def game_of(**settings: Any) -> tuple[Glide, dict[str, Any]]:
    """A game that is given captions, with weights that are far from where they begin."""
    game = Glide(GlideConfig(**SMALL | settings), DATA)
    module = game.network()
    for parameter in module.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return game, {"denoiser": bind("denoiser", module.requires_grad_(False))}


def texts(*words: str) -> dict[str, Tensor]:
    return {"caption": torch.tensor([list(word.encode().ljust(6, b"\0")) for word in words])}


@pytest.mark.parametrize("known", [False, True])
def test_guidance_goes_away_from_what_is_predicted_without_the_text(known: bool) -> None:
    game, nets = game_of()
    x, t, told = torch.randn(4, 1, 8, 8), torch.tensor([1, 9, 30, 49]), texts(*["seven", "ox"] * 2)
    mask = torch.zeros(4, 1, 8, 8)
    mask[:, :, :3] = 1
    if known:
        told |= {"known": torch.rand(4, 1, 8, 8) * mask, "mask": mask}
    alone, free = (game.predict(nets, x, t, told | text)[0] for text in ({}, texts(*[""] * 4)))
    for scale in (0.0, 2.0):
        wanted = game.clipped(alone + scale * (alone - free))
        found, _ = game.denoised(nets, x, t, hyper_of(scale), told)
        if known:
            wanted = torch.where(mask > 0, told["known"], wanted)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert not torch.equal(alone, free)


def test_the_denoiser_reads_every_place_of_the_text() -> None:
    """By the maps' attention and by the last place, which sees all others."""
    game, nets = game_of()
    net, x = nets["denoiser"], torch.randn(1, 3, 8, 8)
    embedded = net.text.embed(game.captions.tokens(texts("seven"))).requires_grad_()
    room, place = torch.zeros(1, 2, 6, 4), torch.arange(6)
    read = net.text.norm(net.text.blocks[0](embedded + net.text.places, place, (room, room))[0])
    for of in (read[:, -1], read[:, 0]):
        (slope,) = torch.autograd.grad(of.square().sum(), embedded, retain_graph=True)
        assert bool(slope.abs().sum((0, 2)).all())
    torch.testing.assert_close(read, net.text(game.captions.tokens(texts("seven"))))
    out = net(x, torch.tensor([0.5]), game.captions.tokens(texts("seven")))
    other = net(x, torch.tensor([0.5]), game.captions.tokens(texts("seveN")))
    assert not torch.equal(out, other)


def test_a_share_of_texts_is_dropped_and_a_share_of_images_partly_known() -> None:
    game, _ = game_of()
    count = 3000
    batch = {"x": torch.rand(count, 1, 8, 8) + 1, **texts(*["ox"] * count)}
    noise = {name: torch.rand(count) for name in ("dropped", "inpainted")}
    found = game.told(batch, noise | {"corners": torch.rand(count, 4)}, hyper_of())
    empty = (found["caption"] == 0).all(1)
    assert float(empty.float().mean()) == pytest.approx(0.25, abs=0.03)
    assert torch.equal(found["caption"][~empty], batch["caption"][~empty])
    some = found["mask"].flatten(1).any(1)
    assert float(some.float().mean()) == pytest.approx(0.4, abs=0.04)
    assert torch.equal(found["known"] > 0, found["mask"] > 0)
    assert bool((found["mask"][some] == 0).flatten(1).any(1).all())


def test_a_rectangle_lies_between_two_corners() -> None:
    found = rectangles(torch.tensor([[0.0, 0.3, 0.9, 0.9], [0.99, 0.0, 0.0, 0.99]]), (8, 10))
    wanted = torch.zeros(2, 1, 8, 10)
    wanted[0, 0, 0:3, 9] = 1
    wanted[1] = 1
    assert torch.equal(found, wanted)


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_inpainting_keeps_known_pixels_and_goes_by_them(sampler: Any) -> None:
    game, nets = game_of(sampler=sampler)
    mask = torch.zeros(3, 1, 8, 8)
    mask[:, :, :, 2:] = 1
    noise = {"z": torch.rand(3, 64), "steps": torch.randint(1 << 62, (3,))}
    told, images = texts("one", "two", "ox"), [2 * torch.rand(3, 1, 8, 8) - 1 for _ in range(2)]
    found = [game.inpaint(nets, x * mask, mask, noise, hyper_of(), told) for x in images]
    for x, filled in zip(images, found, strict=True):
        assert torch.equal(filled * mask, x * mask)
        assert float(filled.abs().max()) <= 1
    holes = [filled[:, :, :, :2] for filled in found]
    assert not torch.equal(*holes)
    nothing = game.inpaint(nets, images[0], torch.zeros(3, 1, 8, 8), noise, hyper_of(), told)
    torch.testing.assert_close(nothing, game.sample(nets, noise, hyper_of(), told))


def test_texts_change_samples() -> None:
    game, nets = game_of(sampler="ddim")
    noise = {"z": torch.rand(2, 64)}
    one, other = (game.sample(nets, noise, hyper_of(), texts(*[w] * 2)) for w in ("one", "ox"))
    assert not torch.equal(one, other)


def test_it_is_trained_and_sampled_with_a_column_of_captions() -> None:
    settings, laws = SMALL | {"steps": 20}, ("loss", "samples")
    assert not list(find_violations(CATALOG["glide"], DATA, settings, laws))
    assert game_of()[0].given == ("caption",)


def test_points_and_heads_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="the data are images; choose guided_diffusion"):
        Glide(GlideConfig(), RandomExamples((2,)))
    with pytest.raises(ValueError, match="text_heads divides text_channels"):
        GlideConfig(text_channels=6)
