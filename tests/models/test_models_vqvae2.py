"""VQ-VAE-2's laws: what each level knows of the other, both priors, and what two levels gain."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss

from bound_nets import bind_all
from gensweep_models.discrete.coded import token_maps
from gensweep_models.discrete.raster import inverse_cdf
from gensweep_models.discrete.vqvae2 import VqVae2, VqVae2Config

SMALL: dict[str, Any] = {
    "codes": 8, "code_size": 3, "channels": 8, "blocks": 1, "prior_channels": 6, "prior_layers": 3,
    "batch_size": 16,
}  # fmt: skip
HYPER = {"commitment_weight": torch.tensor(0.25), "temperature": torch.tensor(1.0)}
SIDES = {8: (2, 4), 28: (7, 14), 32: (8, 16), 64: (8, 16)}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _game(shape: tuple[int, ...] = (1, 8, 8), **values: Any) -> tuple[VqVae2, dict[str, Any]]:
    data = SimpleNamespace(shape=shape, classes=0, count=64)
    game = VqVae2(VqVae2Config(**SMALL | values), data)
    return game, {name: player.build() for name, player in game.players.items()}


@pytest.mark.parametrize("side", SIDES)
def test_the_top_has_half_of_the_bottoms_sides(side: int) -> None:
    game, nets = _game((3, side, side))
    top, bottom = SIDES[side]
    x = torch.rand(2, 3, side, side)
    with torch.no_grad():
        tokens = game.encode(bind_all(nets), x, {}, HYPER)
        images = game.reconstruct(bind_all(nets), x, {}, HYPER)
    assert game.grids == {"top": (top, top), "bottom": (bottom, bottom)}
    assert tokens.shape == (2, top**2 + bottom**2)
    assert images.shape == x.shape


def test_the_bottom_is_coded_and_decoded_given_the_top() -> None:
    _, nets = _game()
    net, x = nets["autoencoder"], torch.rand(2, 1, 8, 8)
    maps, z = net.encode(x)
    codes = net.top.embed(net.top.tokens(z)).detach().requires_grad_()
    below = net.encode_bottom(maps, codes)
    assert torch.autograd.grad(below.square().sum(), codes)[0].abs().min() > 0
    bottom = net.bottom.embed(net.bottom.tokens(below)).detach().requires_grad_()
    slopes = torch.autograd.grad(net.decode(codes, bottom).square().sum(), [codes, bottom])
    assert all(slope.abs().min() > 0 for slope in slopes)


def test_both_terms_of_both_levels_are_in_the_loss() -> None:
    game, nets = _game(codebook="gradient")
    x = torch.rand(4, 1, 8, 8)
    net = nets["autoencoder"]
    maps, z = net.encode(x)
    top = net.top(z)
    bottom = net.bottom(net.encode_bottom(maps, top.through))
    error = mse_loss(net.decode(top.through, bottom.through), x)
    commitment = top.commitment + bottom.commitment
    loss, told = game.loss("autoencoder", bind_all(nets), {"x": x}, {}, HYPER)
    torch.testing.assert_close(loss, error + top.codebook + bottom.codebook + 0.25 * commitment)
    torch.testing.assert_close(told["commitment"], commitment)
    assert set(told) == {"distortion", "commitment", "top_perplexity", "bottom_perplexity"}


def test_a_codebook_that_follows_averages_moves_in_the_autoencoders_turn_alone() -> None:
    game, nets = _game()
    bound, batch = bind_all(nets), {"x": torch.rand(4, 1, 8, 8)}
    books = [nets["autoencoder"].top, nets["autoencoder"].bottom]
    before = [book.table().clone() for book in books]
    for player in ("top_prior", "bottom_prior"):
        game.loss(player, bound, batch, {}, HYPER)
    game.reconstruct(bound, batch["x"], {}, HYPER)
    assert all(torch.equal(b.table(), old) for b, old in zip(books, before, strict=True))
    game.loss("autoencoder", bound, batch, {}, HYPER)
    assert not any(torch.equal(b.table(), old) for b, old in zip(books, before, strict=True))


def test_codes_of_both_levels_begin_anew_at_places_of_their_own() -> None:
    game, nets = _game(revival=0.5, codebook_decay=1 - 1e-6)
    net, x = nets["autoencoder"], torch.rand(16, 1, 8, 8)
    with torch.no_grad():
        maps, z_top = net.encode(x)
        z_bottom = net.encode_bottom(maps, net.top(z_top).through)
        for book in (net.top, net.bottom):
            book.counts.mul_(0.1)  # all are to begin anew, and where they are now is kept
            book.sums.mul_(0.1)
        noise = {"revival": torch.tensor(5)}
        game.loss("autoencoder", bind_all(nets), {"x": x}, noise, HYPER)
    shares = []
    for book, z in ((net.top, z_top), (net.bottom, z_bottom)):
        distance = torch.cdist(book.table(), z.flatten(0, -2))
        assert float(distance.amin(1).max()) < 1e-3
        shares.append(distance.argmin(1) / distance.shape[1])
    apart = (shares[0] - shares[1]).abs()
    assert float(apart.max()) > 0.1  # by one key they are at the same place, up to rounding


def test_the_bottoms_prior_sees_the_whole_top_and_only_what_comes_before() -> None:
    _, nets = _game(prior_layers=4, prior_channels=8)
    prior = nets["bottom_prior"]
    top = torch.rand(1, 8, 2, 2, requires_grad=True)
    bottom = torch.rand(1, 8, 4, 4, requires_grad=True)
    logits = prior(bottom, prior.told(top))
    for at in range(16):
        out = logits[0, :, at // 4, at % 4].square().sum()
        slopes = torch.autograd.grad(out, [bottom, top], retain_graph=True, materialize_grads=True)
        seen, told = (one.abs().sum((0, 1)).flatten() for one in slopes)
        assert not seen[at:].any()
        assert seen[:at].all()
        assert told.all()


def test_sampled_tokens_follow_both_priors() -> None:
    """Each token is the inverse CDF of one full pass over what was sampled."""
    game, nets = _game(codes=4)
    bound, count = bind_all(nets), 30
    with torch.no_grad():
        for name in ("top", "bottom"):
            for p in nets[f"{name}_prior"].parameters():
                p.mul_(2)
        noise = {n: torch.rand(one.shape) for n, one in game.sample_noise(count).items()}
        state = game.sample_begin(bound, noise, HYPER)
        for step in torch.arange(game.sample_steps):
            state = game.sample_step(bound, state, step, noise, HYPER)
        tops, bottoms = state[0], state[2][0].argmax(1)
        maps = [token_maps(one, 4) for one in (tops, bottoms)]
        logits = {
            "top": nets["top_prior"](maps[0]),
            "bottom": nets["bottom_prior"](maps[1], nets["bottom_prior"].told(maps[0])),
        }
        images = game.sample_end(bound, state, HYPER)
    for name, drawn in (("top", tops), ("bottom", bottoms)):
        rows = logits[name].movedim(1, -1).flatten(0, 2)
        want = inverse_cdf(rows, noise[name].flatten(), HYPER["temperature"])
        assert torch.equal(drawn.flatten(), want)
        assert len(drawn.unique()) > 2
    tokens = torch.cat([tops.flatten(1), bottoms.flatten(1)], 1)
    torch.testing.assert_close(images, game.decode(bound, tokens))


def _images(count: int) -> Tensor:
    """A coarse pattern and a fine one, independent of each other."""
    coarse = interpolate(torch.rand(count, 1, 2, 2), scale_factor=4.0)
    fine = torch.rand(count, 1, 1, 8).round()
    return (coarse + 0.6 * fine - 0.8).clamp(-1, 1)


def test_two_levels_reconstruct_better_than_the_top_alone() -> None:
    game, nets = _game(channels=12, code_size=4)
    bound, x = bind_all(nets), _images(32)
    optimiser = torch.optim.Adam(nets["autoencoder"].parameters(), 5e-3)
    for _ in range(100):
        loss, _ = game.loss("autoencoder", bound, {"x": x}, {}, HYPER)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        tokens, top = game.encode(bound, x, {}, HYPER), game.counts["top"]
        others = torch.cat([tokens[:, :top], tokens[:, top:].roll(1, 0)], 1)
        both, alone = (mse_loss(game.decode(bound, t), x) for t in (tokens, others))
    assert float(both) < 0.5 * float(alone)
    assert float(both) < 0.5 * float(x.var())


def test_sides_that_have_no_two_levels_are_refused() -> None:
    data = SimpleNamespace(shape=(1, 10, 10), classes=0, count=9)
    with pytest.raises(ValueError, match="multiples of 4"):
        VqVae2(VqVae2Config(), data)
