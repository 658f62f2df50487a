"""VQGAN's laws: the adaptive weight by hand, when the critic plays, beta's place, the prior."""

import itertools
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn.functional import mse_loss

from bound_nets import bind, bind_all
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples, find_violations
from gensweep_models.catalog import CATALOG
from gensweep_models.discrete.gpt import TokenTransformer, begin, draw
from gensweep_models.discrete.raster import inverse_cdf
from gensweep_models.discrete.vqgan import VqGan, VqGanConfig
from gensweep_models.discrete.vqgan_losses import DELTA, patch_loss
from gensweep_models.discrete.window import random_windows
from gensweep_models.nets.patch_critic import PatchCritic
from gensweep_models.nets.perceptual import feature_distance

SMALL: dict[str, Any] = {
    "codes": 8, "code_size": 3, "channels": 8, "blocks": 1, "prior_channels": 8, "prior_layers": 2,
    "prior_heads": 2, "critic_channels": 4, "feature_channels": 4, "batch_size": 4,
}  # fmt: skip
HYPER = {
    "commitment_weight": torch.tensor(0.25), "perceptual_weight": torch.tensor(1.0),
    "adversarial_weight": torch.tensor(0.8), "temperature": torch.tensor(0.7),
    "progress": torch.tensor(0.5),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _game(shape: tuple[int, ...] = (1, 8, 8), **values: Any) -> tuple[VqGan, dict[str, Any]]:
    data = SimpleNamespace(shape=shape, classes=3, count=64)
    game = VqGan(VqGanConfig(**SMALL | values), data)
    return game, {name: player.build() for name, player in game.players.items()}


def _loss(game: VqGan, nets: dict[str, Any], x: Any, **hyper: float) -> Any:
    values = HYPER | {name: torch.tensor(value) for name, value in hyper.items()}
    return game.loss("autoencoder", bind_all(nets), {"x": x}, {}, values)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28)])
def test_the_adaptive_weight_is_the_ratio_of_gradients_at_the_last_layer(
    shape: tuple[int, ...],
) -> None:
    """By autograd through the whole network, of which only that layer's weight is looked at."""
    game, nets = _game(shape)
    x = 2 * torch.rand(4, *shape) - 1
    ratio = _loss(game, nets, x)[1]["adaptive_weight"]
    net, weight = nets["autoencoder"], nets["autoencoder"].last.weight
    images = net.decode(net.codebook(net.encode(x)).through)
    features = nets["features"]
    error = (images - x).abs().mean() + feature_distance(features(images), features(x))
    deceit = -nets["critic"](images).mean()
    slopes = [torch.autograd.grad(one, weight, retain_graph=True)[0] for one in (error, deceit)]
    torch.testing.assert_close(ratio, slopes[0].norm() / (slopes[1].norm() + DELTA))
    assert not ratio.requires_grad
    assert float(ratio) > 0


def test_the_critic_has_no_part_in_the_loss_before_it_plays() -> None:
    game, nets = _game(critic_start=0.4)
    x = 2 * torch.rand(4, 1, 8, 8) - 1
    first, told = _loss(game, nets, x, progress=0.39)
    without = _loss(game, nets, x, progress=0.39, adversarial_weight=0.0)[0]
    torch.testing.assert_close(first, without, rtol=0, atol=0)
    later = _loss(game, nets, x, progress=0.4)[0]
    net = nets["autoencoder"]
    deceit = -nets["critic"](net.decode(net.codebook(net.encode(x)).through)).mean()
    weight = 0.8 * told["adaptive_weight"]
    torch.testing.assert_close(later - first, weight * deceit, rtol=1e-3, atol=1e-5)


def test_the_critic_learns_after_its_start_and_the_prior_after_the_stage() -> None:
    config = VqGanConfig(**SMALL, stage_fraction=0.6, critic_start=0.5)
    data = RandomExamples((1, 8, 8))
    pack = Pack(CATALOG["vqgan"], config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=4 * 10)
    moved = []
    for ticks in (3, 3, 4):
        before = {name: stack.flat.clone() for name, stack in pack.stacks.items()}
        pack.run(ticks)
        moved.append({n for n, s in pack.stacks.items() if not torch.equal(s.flat, before[n])})
    assert moved == [{"autoencoder"}, {"autoencoder", "critic"}, {"prior"}]


def test_beta_weighs_the_commitment_and_not_the_codes() -> None:
    """The authors' code has it the other way round by default."""
    game, nets = _game()
    net, x = nets["autoencoder"], 2 * torch.rand(4, 1, 8, 8) - 1
    change = _loss(game, nets, x, commitment_weight=3.0)[0] - _loss(game, nets, x)[0]
    z = net.encode(x)
    commitment = mse_loss(z, net.codebook.embed(net.codebook.tokens(z)).detach())
    torch.testing.assert_close(change, 2.75 * commitment, rtol=1e-3, atol=1e-6)
    slopes = torch.autograd.grad(change, [net.codebook.codes, net.encoder[0].weight])
    assert slopes[0].abs().max() < 1e-6 < slopes[1].abs().max()


def test_the_critics_loss_is_half_a_hinge_over_patches() -> None:
    real, fake = torch.tensor([2.0, 0.0, -1.0]), torch.tensor([-2.0, 0.0, 3.0])
    assert float(patch_loss(real, fake)) == pytest.approx((0 + 1 + 2 + 0 + 1 + 4) / 6)
    game, nets = _game()
    before = {n: p.clone() for n, p in nets["critic"].named_buffers()}
    x = 2 * torch.rand(4, 1, 8, 8) - 1
    loss, _ = game.loss("critic", bind_all(nets), {"x": x}, {}, HYPER)
    wanted = list(nets["autoencoder"].parameters())
    slopes = torch.autograd.grad(loss, wanted, allow_unused=True)
    assert all(slope is None for slope in slopes)
    now = dict(nets["critic"].named_buffers())
    assert any(not torch.equal(now[name], old) for name, old in before.items())


@pytest.mark.parametrize(("side", "patches"), [(8, 2), (28, 5), (32, 6), (64, 6)])
def test_the_critic_scores_patches(side: int, patches: int) -> None:
    critic = PatchCritic((3, side, side), 4).eval()
    x = torch.rand(1, 3, side, side, requires_grad=True)
    scores = critic(x)
    assert scores.shape == (1, 1, patches, patches)
    if side >= 28:
        (slope,) = torch.autograd.grad(scores[0, 0, 0, 0], x)
        assert not slope[..., -1, -1].any()


@pytest.mark.parametrize("conditional", [False, True])
def test_sampling_with_what_is_remembered_equals_full_passes(conditional: bool) -> None:
    game, nets = _game(codes=4, class_conditional=conditional)
    with torch.no_grad():
        for p in nets["prior"].parameters():
            p.mul_(2)  # sharper than at the start
        u, y = torch.rand(20, 4, 4), torch.arange(20) % 3
        given = [{"y": y}] if conditional else []
        state: Any = game.sample_begin(bind_all(nets), {"token": u}, HYPER, *given)
        for step in torch.arange(game.sample_steps):
            state = game.sample_step(bind_all(nets), state, step, {"token": u}, HYPER, *given)
        logits = nets["prior"](state[0], y if conditional else None)
    want = inverse_cdf(logits.flatten(0, 1), u.flatten(), HYPER["temperature"])
    assert torch.equal(state[0].flatten(), want)
    assert len(state[0].unique()) == 4


def test_the_prior_sees_the_tokens_before_and_the_class() -> None:
    _, nets = _game(class_conditional=True)
    gpt = nets["prior"].gpt
    for p in gpt.parameters():
        p.data += 0.1 * torch.randn_like(p)
    tokens = torch.randint(8, (1, 16))
    embedded = gpt.embed(tokens).detach().requires_grad_()
    told = nets["prior"].first(1, torch.tensor([1])).detach().requires_grad_()
    x = torch.cat([told[:, None], embedded[:, :-1]], 1)
    logits = gpt._logits(x, torch.arange(16), gpt.cache(x))[0]
    for at in range(16):
        slopes = torch.autograd.grad(
            logits[0, at].square().sum(),
            [embedded, told],
            retain_graph=True,
            materialize_grads=True,
        )
        size = slopes[0].abs().sum((0, 2))
        assert not size[at:].any()
        assert size[:at].all()
        assert slopes[1].any()


def test_draws_of_the_prior_have_their_probabilities() -> None:
    prior, count, one = TokenTransformer(2, 4, 8, 1, 2, 0), 20_000, torch.tensor(1.0)
    for p in prior.requires_grad_(False).parameters():
        p.mul_(4)
    rows = torch.cartesian_prod(*[torch.arange(2)] * 4)
    law = prior(rows).log_softmax(-1).gather(2, rows[..., None]).sum((1, 2)).exp()
    u, net = torch.rand(count, 4), bind("prior", prior)
    drawn: Any = begin(net, u, None)
    for step in torch.arange(4):
        drawn = draw(net, drawn, step, u, one)
    share = torch.bincount((drawn[0] * torch.tensor([8, 4, 2, 1])).sum(1), minlength=16) / count
    assert float((share - law).abs().max()) < 4 * (0.25 / count) ** 0.5
    assert float(law.max()) > 0.1


def test_a_window_of_training_is_a_square_of_the_grid() -> None:
    tokens = torch.arange(20).view(1, 4, 5).expand(500, -1, -1)
    windows = random_windows(tokens, torch.rand(500, 2), 3).view(-1, 3, 3)
    corners = windows[:, 0, 0]
    assert set(corners.tolist()) == {0, 1, 2, 5, 6, 7}
    torch.testing.assert_close(windows - corners[:, None, None], tokens[:500, :3, :3])


@pytest.mark.parametrize("conditional", [False, True])
def test_a_sliding_window_draws_each_token_given_those_around_it(conditional: bool) -> None:
    game, nets = _game(codes=4, window=3, class_conditional=conditional)
    with torch.no_grad():
        for p in nets["prior"].parameters():
            p.mul_(2)
        u, y = torch.rand(6, 4, 4), torch.arange(6) % 3
        given, noise = [{"y": y}] if conditional else [], {"token": u}
        tokens: Any = game.sample_begin(bind_all(nets), noise, HYPER, *given)
        for step in torch.arange(game.sample_steps):
            tokens = game.sample_step(bind_all(nets), tokens, step, noise, HYPER, *given)
        for i, j in itertools.product(range(4), range(4)):
            top, left = min(max(i - 1, 0), 1), min(max(j - 1, 0), 1)
            seen = tokens[:, top : top + 3, left : left + 3].flatten(1)
            logits = nets["prior"](seen, y if conditional else None)
            at = logits[:, 3 * (i - top) + j - left]
            assert torch.equal(tokens[:, i, j], inverse_cdf(at, u[:, i, j], HYPER["temperature"]))
    assert len(tokens.unique()) > 2


def test_a_window_trains_and_samples_in_a_pack() -> None:
    settings = SMALL | {"window": 2, "class_conditional": True, "stage_fraction": 0.01}
    data, laws = RandomExamples((1, 8, 8)), ("loss", "samples", "capabilities")
    assert not list(find_violations(CATALOG["vqgan"], data, settings, laws))
    assert _game(window=4)[0].window == 0  # which is all of the grid
    with pytest.raises(ValueError, match="window=5"):
        _game((1, 16, 28), window=5)


def test_images_of_other_channels_are_refused() -> None:
    data = SimpleNamespace(shape=(2, 8, 8), classes=0, count=9)
    with pytest.raises(ValueError, match=r"images have \(1, 3\) channels"):
        VqGan(VqGanConfig(), data)
