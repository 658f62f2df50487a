"""DALL-E's laws: relaxed draws, the bound by hand, one transformer, guidance and candidates."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, kl_divergence

from bound_nets import bind_all
from gensweep.testing import RandomExamples, find_violations
from gensweep_models.catalog import CATALOG
from gensweep_models.discrete.dalle import Dalle, DalleConfig
from gensweep_models.discrete.discrete_vae import (
    LEAST_SCALE,
    fallen,
    inner,
    logit_laplace_nll,
    outer,
    relaxed,
    uniform_kl,
)
from gensweep_models.discrete.raster import inverse_cdf
from gensweep_models.discrete.text_prior import Drawn, best_of

SMALL: dict[str, Any] = {
    "codes": 8, "code_size": 3, "channels": 8, "blocks": 1, "prior_channels": 8, "prior_layers": 2,
    "prior_heads": 2, "batch_size": 6,
}  # fmt: skip
HYPER = {
    "kl_weight": 6.6, "relaxation": 1 / 16, "commitment_weight": 0.25, "image_weight": 7.0,
    "caption_dropout": 0.1, "temperature": 0.7, "guidance_scale": 0.0, "progress": 1.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def hyper_of(**values: float) -> dict[str, Tensor]:
    return {name: torch.tensor(value) for name, value in {**HYPER, **values}.items()}


def game_of(**values: Any) -> tuple[Dalle, Any]:
    """A game of images of two classes, with weights that are far from where they begin."""
    data = SimpleNamespace(shape=(1, 8, 8), classes=2, count=64, class_names=("cat", "ox"))
    game = Dalle(DalleConfig(**SMALL | values), data)
    modules = {name: player.build() for name, player in game.players.items()}
    for parameter in modules["prior"].parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return game, bind_all(modules)


def batch_of(count: int) -> dict[str, Tensor]:
    return {"x": 2 * torch.rand(count, 1, 8, 8) - 1, "y": torch.arange(count) % 2}


def test_a_relaxed_draw_is_one_hot_and_of_the_softmax_as_its_temperature_falls() -> None:
    logits, count = torch.tensor([0.0, 1.0, -1.0]), 4000
    keys = torch.randint(1 << 62, (count,))
    cold, warm = (relaxed(logits.expand(count, 3), torch.tensor(t), keys) for t in (1e-3, 1.0))
    assert float((cold.amax(1) > 0.999).float().mean()) > 0.99
    torch.testing.assert_close(cold.mean(0), logits.softmax(0), rtol=0, atol=0.03)
    assert float((warm.amax(1) > 0.999).float().mean()) < 0.01
    assert torch.equal(cold.argmax(1), warm.argmax(1))
    torch.testing.assert_close(warm.sum(1), torch.ones(count))


def test_the_divergence_from_the_uniform_law() -> None:
    logits = 3 * torch.randn(5, 4, 7)
    wanted = kl_divergence(Categorical(logits=logits), Categorical(logits=torch.zeros(7)))
    torch.testing.assert_close(uniform_kl(logits), wanted)
    ends = uniform_kl(torch.tensor([[0.0, 0.0], [99.0, 0.0]]))
    torch.testing.assert_close(ends, torch.tensor([0.0, math.log(2)]))


@pytest.mark.parametrize(("mean", "spread"), [(0.0, -1.0), (1.5, 0.0), (-1.0, -9.0)])
def test_the_likelihood_of_a_pixel_is_a_density(mean: float, spread: float) -> None:
    """Of what `inner` makes of it, over all of (0, 1)."""
    y = torch.linspace(0, 1, 200_001, dtype=torch.float64)[1:-1]
    x = 2 * (y - 0.1) / 0.8 - 1
    torch.testing.assert_close(inner(x), y)
    painted = torch.tensor([mean, spread], dtype=torch.float64)[:, None].expand(2, len(x))
    law = (-logit_laplace_nll(x[None, None], painted[None])[0, 0]).exp()
    assert float(torch.trapezoid(law, y)) == pytest.approx(1, abs=1e-3)
    half = float(torch.trapezoid(law[y <= torch.tensor(mean).sigmoid()], dx=1 / 200_000))
    assert half == pytest.approx(0.5, abs=2e-3)
    sizes = float(law.max()), 1 / (2 * LEAST_SCALE * 0.15)
    assert sizes[0] < sizes[1]
    torch.testing.assert_close(outer(inner(torch.tensor([-1.0, 0.2, 1.0]))),
                               torch.tensor([-1.0, 0.2, 1.0]))  # fmt: skip


def test_the_temperature_falls_along_half_a_cosine() -> None:
    last, at = torch.tensor(1 / 16), torch.tensor([0.0, 0.2, 0.4, 0.9])
    found = fallen(at, last, 0.4)
    torch.testing.assert_close(found, torch.tensor([1.0, (1 + 1 / 16) / 2, 1 / 16, 1 / 16]))


def test_the_weight_of_the_divergence_rises() -> None:
    """To beta times all tokens' sum, beside all pixels' sum, of which the loss is the mean."""
    game, nets = game_of(annealed=0.5)
    x, noise = batch_of(6)["x"], {"relaxed": torch.randint(1 << 62, (6,))}

    def loss(**values: float) -> tuple[Tensor, dict[str, Tensor]]:
        return game.loss("autoencoder", nets, {"x": x}, noise, hyper_of(**values))

    kl = loss()[1]["kl"]
    assert float(kl) > 0
    for progress, share in ((0.0, 0.0), (0.25, 0.5), (1.0, 1.0)):
        change = loss(progress=progress)[0] - loss(progress=progress, kl_weight=0.0)[0]
        torch.testing.assert_close(change, share * 6.6 * 16 / 64 * kl, rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("quantiser", ["gumbel", "nearest"])
def test_images_pass_through_tokens(quantiser: Any) -> None:
    game, nets = game_of(quantiser=quantiser)
    net, x = nets["autoencoder"], batch_of(4)["x"]
    tokens = game.tokens(nets, x)
    assert tokens.shape == (4, 4, 4)
    if quantiser == "gumbel":
        assert torch.equal(tokens, net.encode(x).argmax(-1))
        mixed = net.codebook.mixed(torch.nn.functional.one_hot(tokens, 8).float())
        torch.testing.assert_close(net.codebook.embed(tokens), mixed)
    images = game.reconstruct(nets, x, {}, hyper_of(), {"y": torch.zeros(4).long()})
    torch.testing.assert_close(images, game.decode(nets, tokens))
    assert float(images.detach().abs().max()) <= 1


def test_each_token_sees_those_before_it_of_the_text_and_of_the_image() -> None:
    game, nets = game_of()
    gpt, places = nets["prior"].gpt, game.captions.length + 16
    embedded = gpt.embed(torch.randint(8, (1, places))).detach().requires_grad_()
    x = torch.cat([gpt.first(1)[:, None], embedded[:, :-1]], 1)
    logits = gpt._logits(x, torch.arange(places), gpt.cache(x))[0]
    for at in range(places):
        (slope,) = torch.autograd.grad(logits[0, at].square().sum(), embedded, retain_graph=True,
                                       materialize_grads=True)  # fmt: skip
        size = slope.abs().sum((0, 2))
        assert not size[at:].any()
        assert size[:at].all()


def test_images_weigh_seven_times_as_much_as_texts() -> None:
    game, nets = game_of()
    batch, noise = batch_of(6), {"dropped": torch.tensor([0.0, *[0.9] * 5])}
    loss, told = game.loss("prior", nets, batch, noise, hyper_of())
    torch.testing.assert_close(loss, told["text_nats"] / 8 + told["prior_nats"] * 7 / 8)
    text = game.captions.tokens(game.captions.without(batch, torch.arange(6) == 0))
    image = game.tokens(nets, batch["x"]).flatten(1)
    whole = nets["prior"].gpt(torch.cat([text, image + game.captions.codes], 1))
    kinds, length = game.captions.codes, game.captions.length
    nats = Categorical(logits=whole[:, length:, kinds:]).log_prob(image)
    torch.testing.assert_close(told["prior_nats"], -nats.mean())
    nats = Categorical(logits=whole[:, :length, :kinds]).log_prob(text)
    torch.testing.assert_close(told["text_nats"], -nats.mean())


def _drawn(game: Dalle, nets: Any, u: Tensor, y: Tensor, **values: float) -> Drawn:
    hyper, noise, told = hyper_of(**values), {"token": u}, {"y": y}
    state = game.sample_begin(nets, noise, hyper, told)
    for step in torch.arange(game.sample_steps):
        state = game.sample_step(nets, state, step, noise, hyper, told)
    return state


@pytest.mark.parametrize("scale", [0.0, 1.5])
def test_sampling_with_what_is_remembered_equals_full_passes(scale: float) -> None:
    """At scale 0 by the conditional transformer alone; gains are ratios of both likelihoods."""
    game, nets = game_of(candidates=2)
    u, y = torch.rand(10, 2, 16), torch.arange(10) % 2
    with torch.no_grad():
        state = _drawn(game, nets, u, y, guidance_scale=scale)
        told = {"y": y.repeat_interleave(2)}
        laws = [
            nets["prior"](game.captions.tokens(one), state.tokens)[1].log_softmax(-1)
            for one in (told, game.captions.empty(told))
        ]
    logits = laws[0] + scale * (laws[0] - laws[1])
    want = inverse_cdf(logits.flatten(0, 1), u.flatten(), torch.tensor(0.7))
    assert torch.equal(state.tokens.flatten(), want)
    each = [law.gather(2, state.tokens[..., None]).sum((1, 2)) for law in laws]
    torch.testing.assert_close(state.gain, each[0] - each[1], rtol=1e-4, atol=1e-4)


def test_texts_change_samples_and_guidance_brings_texts_out() -> None:
    game, nets = game_of()
    u = torch.rand(40, 1, 16)
    with torch.no_grad():
        cats, oxen = (_drawn(game, nets, u, torch.full((40,), y)) for y in range(2))
        gains = [
            float(_drawn(game, nets, u, torch.arange(40) % 2, guidance_scale=s).gain.mean())
            for s in (0.0, 2.0)
        ]
    assert not torch.equal(cats.tokens, oxen.tokens)
    assert gains[0] < gains[1]


def test_of_candidates_that_one_is_kept_that_tells_most_of_its_text() -> None:
    tokens, gain = torch.arange(6)[:, None].expand(6, 3), torch.tensor([1.0, 3, 2, -1, -2, 0])
    empty = torch.zeros(0)
    found = best_of(Drawn(tokens, empty, (empty, empty), gain), 3)
    assert found.tolist() == [[1, 1, 1], [5, 5, 5]]
    game, nets = game_of(candidates=4)
    u, y = torch.rand(5, 4, 16), torch.arange(5) % 2
    with torch.no_grad():
        state = _drawn(game, nets, u, y)
        samples = game.sample(nets, {"token": u}, hyper_of(), {"y": y})
    best = state.gain.reshape(5, 4).argmax(1) + 4 * torch.arange(5)
    torch.testing.assert_close(samples, game.decode(nets, state.tokens[best].reshape(5, 4, 4)))


def test_it_is_trained_and_sampled_with_a_column_of_captions() -> None:
    about = {"caption": {"dtype": "int64", "shape": (5,), "levels": 255}}
    data, laws = RandomExamples((1, 8, 8), columns=about), ("loss", "samples", "capabilities")
    assert not list(find_violations(CATALOG["dalle"], data, SMALL | {"candidates": 2}, laws))
    assert Dalle(DalleConfig(**SMALL), data).given == ("caption",)


@pytest.mark.parametrize(("shape", "grid"), [((1, 8, 8), (4, 4)), ((3, 28, 28), (7, 7))])
def test_grids_of_tokens(shape: tuple[int, ...], grid: tuple[int, int]) -> None:
    data = SimpleNamespace(shape=shape, classes=2, count=64)
    assert Dalle(DalleConfig(**SMALL), data).grid == grid
    with pytest.raises(ValueError, match="prior_heads divides prior_channels"):
        DalleConfig(prior_channels=6)
