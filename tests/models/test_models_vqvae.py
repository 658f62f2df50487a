"""VQ-VAE's laws: gradients of its terms, sampling, and its two stages."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.testing import check_model
from gensweep_models.catalog import CATALOG
from gensweep_models.discrete.codebook import straight_through
from gensweep_models.discrete.raster import inverse_cdf, tokens_of
from gensweep_models.discrete.vqvae import VqVae, VqVaeConfig
from gensweep_models.nets.projection import one_hot

SHAPES = {(1, 8, 8): (4, 4), (1, 28, 28): (7, 7), (3, 32, 32): (8, 8)}
SMALL: dict[str, Any] = {
    "codes": 8, "code_size": 3, "channels": 6, "prior_channels": 6, "prior_layers": 3,
    "batch_size": 4,
}  # fmt: skip
HYPER = {"commitment_weight": torch.tensor(0.25), "temperature": torch.tensor(1.0)}


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def _game(shape: tuple[int, ...] = (1, 8, 8), **values: Any) -> tuple[VqVae, dict[str, Any]]:
    torch.manual_seed(0)
    data = SimpleNamespace(shape=shape, classes=0, count=16)
    game = VqVae(VqVaeConfig(**SMALL | values), data)
    return game, {name: player.build() for name, player in game.players.items()}


def test_straight_through_gives_z_the_gradient_at_the_codes() -> None:
    game, nets = _game()
    net = nets["autoencoder"]
    z = net.encode(torch.rand(4, 1, 8, 8)).detach().requires_grad_()
    codes = net.codebook.embed(net.codebook.tokens(z)).detach().requires_grad_()
    weight = torch.randn(4, *game.shape)
    through = straight_through(z, codes)
    torch.testing.assert_close(through, codes)
    got = torch.autograd.grad((weight * net.decode(through)).sum(), z)
    want = torch.autograd.grad((weight * net.decode(codes)).sum(), codes)
    torch.testing.assert_close(got, want)
    assert want[0].abs().min() > 0


def test_each_term_moves_its_own_part_and_commitment_is_linear() -> None:
    game, nets = _game()
    net, x = nets["autoencoder"], torch.rand(4, 1, 8, 8)

    def loss(weight: float) -> Tensor:
        hyper = HYPER | {"commitment_weight": torch.tensor(weight)}
        return game.loss("autoencoder", nets, {"x": x}, {}, hyper)[0]

    _, metrics = game.loss("autoencoder", nets, {"x": x}, {}, HYPER)
    for weight in (0.5, 2.0, 8.0):
        torch.testing.assert_close(loss(weight) - loss(0.0), weight * metrics["commitment"])
        change = torch.autograd.grad(
            loss(weight) - loss(0.0), [net.codebook.codes, *net.encoder.parameters()]
        )
        # commitment pulls the encoder; only rounding is left of the codebook's gradient
        assert change[0].abs().max() < 1e-6 < change[-1].abs().max()
    z = net.encode(x).detach()
    tokens = net.codebook.tokens(z)
    used = one_hot(tokens.flatten(), 8)
    total = used.T @ z.flatten(0, 2)
    want = 2 * (used.sum(0)[:, None] * net.codebook.codes - total) / z.numel()
    torch.testing.assert_close(torch.autograd.grad(loss(1.0), net.codebook.codes)[0], want)


def test_sampled_tokens_follow_the_priors_conditionals() -> None:
    """Each token, given the sampled ones before it, is the inverse CDF of one full pass."""
    game, nets = _game(codes=4)
    with torch.no_grad():
        for p in nets["prior"].parameters():
            p.mul_(3)  # sharper than at the start
        u = torch.rand(50, 4, 4)
        hyper = HYPER | {"temperature": torch.tensor(0.7)}
        state = game.sample_begin(nets, {"token": u}, hyper)
        for step in torch.arange(game.sample_steps):
            state = game.sample_step(nets, state, step, {"token": u}, hyper)
        tokens = tokens_of(state)
        logits = nets["prior"](one_hot(tokens, 4).movedim(-1, 1)).movedim(1, -1)
    want = inverse_cdf(logits.flatten(0, 2), u.flatten(), torch.tensor(0.7))
    assert torch.equal(tokens.flatten(), want)
    assert len(tokens.unique()) == 4


@pytest.mark.parametrize(("shape", "grid"), SHAPES.items())
def test_shapes_and_ranges(shape: tuple[int, ...], grid: tuple[int, ...]) -> None:
    game, nets = _game(shape)
    x = torch.rand(3, *shape)
    noise = {name: torch.rand(n.shape) for name, n in game.sample_noise(3).items()}
    with torch.no_grad():
        images = game.sample(nets, noise, HYPER)
        tokens = game.encode(nets, x, {}, HYPER)
        again = game.reconstruct(nets, x, {}, HYPER)
    assert tokens.shape == (3, *grid)
    assert images.shape == again.shape == x.shape
    assert images.abs().max() <= 1
    torch.testing.assert_close(again, game.decode(nets, tokens))


class _Source:
    def __init__(self) -> None:
        self.x = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        return {"x": self.x[indices]}


DATA = SimpleNamespace(shape=(1, 8, 8), classes=0, count=16)
CONFIGS = [
    VqVaeConfig(**SMALL, commitment_weight=0.1),
    VqVaeConfig(**SMALL, learning_rate=3e-3),
    VqVaeConfig(**SMALL, commitment_weight=2.0, temperature=0.5),
]


def _pack(configs: list[VqVaeConfig], seeds: list[int], ticks: int) -> Pack:
    pack = Pack(CATALOG["vqvae"], configs[0], DATA, _Source(), width=len(configs), trace=False)
    for slot, (config, seed) in enumerate(zip(configs, seeds, strict=True)):
        pack.load(slot, config, seed=seed, budget_images=4 * ticks)
    return pack


def test_only_the_active_stage_trains() -> None:
    pack = _pack(CONFIGS, [0, 1, 2], ticks=6)
    start = {name: stack.flat.clone() for name, stack in pack.stacks.items()}
    first = pack.run(3)
    middle = {name: stack.flat.clone() for name, stack in pack.stacks.items()}
    assert torch.equal(middle["prior"], start["prior"])
    assert (middle["autoencoder"] != start["autoencoder"]).any(1).all()
    for slot in range(3):
        pack.lane(slot).means.clear()  # as an evaluation does
    second = pack.run(3)
    assert torch.equal(pack.stacks["autoencoder"].flat, middle["autoencoder"])
    assert (pack.stacks["prior"].flat != middle["prior"]).any(1).all()
    for slot in range(3):
        assert {"autoencoder_loss", "distortion", "perplexity"} <= first[slot].metrics.keys()
        assert second[slot].metrics.keys() - pack.measured == {"prior_loss", "prior_nats"}


def test_lanes_equal_trials_alone() -> None:
    pack = _pack(CONFIGS, [0, 1, 2], ticks=8)
    pack.run(8)
    images = pack.sample(5, seed=9)
    for slot, config in enumerate(CONFIGS):
        alone = _pack([config], [slot], ticks=8)
        alone.run(8)
        for name, stack in pack.stacks.items():
            torch.testing.assert_close(
                stack.flat[slot], alone.stacks[name].flat[0], rtol=1e-4, atol=1e-4
            )
        torch.testing.assert_close(images[slot], alone.sample(5, seed=9)[0], rtol=0, atol=1e-3)


def test_averaged_codes_that_are_revived_keep_the_laws() -> None:
    check_model(CATALOG["vqvae"], **SMALL, codebook="ema", revival=0.2)


@pytest.mark.parametrize(("revival", "fewest"), [(0.2, 0.1), (0.0, 2.0**-8)])
def test_training_revives_codes_that_are_hardly_used(revival: float, fewest: float) -> None:
    """Unused counts halve in each batch, unless they are below 0.2 and begin at 1 again."""
    settings = SMALL | {"codes": 64, "codebook": "ema", "codebook_decay": 0.5}
    pack = _pack([VqVaeConfig(**settings, revival=revival, stage_fraction=0.9)], [0], ticks=9)
    pack.run(8)
    counts = pack.stacks["autoencoder"].lane_weights(0)["codebook.counts"]
    assert fewest <= float(counts.min()) < 2 * fewest


@pytest.mark.parametrize("shape", [(2,), (1, 8, 10), (3, 4, 4)])
def test_data_that_have_no_grid_are_refused(shape: tuple[int, ...]) -> None:
    data = SimpleNamespace(shape=shape, classes=0, count=9)
    with pytest.raises(ValueError, match=r"choose images.*shape=\(" + str(shape[0])):
        VqVae(VqVaeConfig(), data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("commitment_weight", 0.0),
        ("codes", 1),
        ("stage_fraction", 1.0),
        ("temperature", 0.0),
        ("revival", 0.5),
        ("codebook_decay", 1.0),
    ],
)
def test_bad_values_are_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        VqVaeConfig(**{name: value})
