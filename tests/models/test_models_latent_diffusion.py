"""Latent diffusion's laws: codes of variance 1, two stages, guidance, DDIM through the decoder."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from bound_nets import bind_all
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.diffusion.latent_codes import CodeScale, NormalCodes
from gensweep_models.diffusion.latent_diffusion import LatentDiffusion, LatentDiffusionConfig
from gensweep_models.diffusion.process import Schedule
from gensweep_models.losses import gaussian_kl
from gensweep_models.random import normal

SMALL: dict[str, Any] = {
    "codes": 6, "code_size": 2, "channels": 8, "autoencoder_channels": 8, "blocks": 1,
    "critic_channels": 4, "feature_channels": 4, "batch_size": 8, "steps": 20, "sample_steps": 4,
}  # fmt: skip
HYPER = {
    name: torch.tensor(value)
    for name, value in {
        "truncation": 5.0, "guidance_scale": 0.0, "label_dropout": 0.0, "kl_weight": 1e-6,
        "commitment_weight": 0.25, "perceptual_weight": 1.0, "adversarial_weight": 0.5,
        "progress": 0.1,
    }.items()
}  # fmt: skip


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def game_of(shape: tuple[int, ...] = (1, 8, 8), classes: int = 3, **values: Any) -> LatentDiffusion:
    data = SimpleNamespace(shape=shape, classes=classes, count=64)
    return LatentDiffusion(LatentDiffusionConfig(**SMALL | values), data)


def nets_of(game: LatentDiffusion) -> Any:
    """Networks that are trained no more, whose every weight plays a part; codes vary by 2."""
    modules = {name: player.build() for name, player in game.players.items()}
    for name, module in modules.items():
        for parameter in module.parameters() if name == "denoiser" else ():
            torch.nn.init.normal_(parameter, std=0.1)
        module.eval()
    modules["denoiser"].scale.square.fill_(4.0)
    return bind_all(modules)


def images(count: int, shape: tuple[int, ...] = (1, 8, 8)) -> Tensor:
    return 2 * torch.rand(count, *shape) - 1


def test_scaled_codes_have_variance_one_over_all_batches() -> None:
    scale, codes = CodeScale(), 5 + 3 * torch.randn(20, 16, 2, 4, 4)
    assert float(scale.eval()(codes[0]).std()) == pytest.approx(float(codes[0].std()))
    scale.train()
    found = [scale(batch) for batch in codes]
    assert float(found[0].std(correction=0)) == pytest.approx(1, rel=1e-4)  # as of the first
    assert float((codes / scale.deviation()).std(correction=0)) == pytest.approx(1, rel=1e-4)
    scale.eval()
    torch.testing.assert_close(scale(codes[0]), codes[0] / codes.std(correction=0))


CONFIGS = [
    LatentDiffusionConfig(**SMALL),
    LatentDiffusionConfig(**SMALL, autoencoder_learning_rate=1e-2, kl_weight=1.0),
]


def pack_of(config: LatentDiffusionConfig, *others: LatentDiffusionConfig) -> Pack:
    data, every = RandomExamples((1, 8, 8), classes=3), (config, *others)
    pack = Pack(CATALOG["latent_diffusion"], config, data, data, width=len(every), trace=False)
    for slot, one in enumerate(every):
        pack.load(slot, one, seed=slot, budget_images=8 * 8)
    return pack


def tensors(pack: Pack, player: str, slot: int = 0) -> dict[str, Tensor]:
    """A player's weights and buffers, by name."""
    state = pack.take(slot).tensors
    return {name: value for name, value in state.items() if name.split("/")[0] == player}


def test_the_first_stage_stays_as_it_is_in_the_second_which_scales_each_lane() -> None:
    pack = pack_of(*CONFIGS)
    pack.run(4)
    first = {name: pack.stacks[name].flat.clone() for name in pack.stacks}
    buffers = [tensors(pack, name) for name in ("autoencoder", "critic")]
    for slot in (0, 1):
        pack.lane(slot).means.clear()  # as an evaluation does
    told = pack.run(4)
    for name in ("autoencoder", "critic"):
        assert torch.equal(pack.stacks[name].flat, first[name])
    kept = [tensors(pack, name) for name in ("autoencoder", "critic")]
    for before, after in zip(buffers, kept, strict=True):
        for name, value in before.items():
            assert "moment" in name or torch.equal(after[name], value), name
    assert (pack.stacks["denoiser"].flat != first["denoiser"]).any(1).all()
    one, other = (told[slot].metrics["code_deviation"] for slot in (0, 1))
    assert 0 < one != other > 0
    levels = {f"level_loss.{quarter}" for quarter in range(1, 5)}
    assert told[0].metrics.keys() - pack.measured - levels == {"denoiser_loss", "code_deviation"}
    assert levels <= told[0].metrics.keys()


def _unscaled(game: LatentDiffusion, nets: Any, x: Tensor) -> Tensor:
    return game.encode(nets, x, {}, HYPER) / nets["denoiser"].scale.deviation()


class Knowing:
    """Predicts the noise that is left if the scaled codes are `codes`."""

    def __init__(self, game: LatentDiffusion, scale: Any, codes: Tensor) -> None:
        self.game, self.scale, self.codes = game, scale, codes

    def __call__(self, x: Tensor, time: Tensor, told: Tensor) -> Tensor:
        t = (time * self.game.config.steps).round().long()
        return self.game.schedule.noise_in(self.codes, x, t)


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
@pytest.mark.parametrize("regulariser", ["kl", "vq"])
def test_a_denoiser_that_knows_the_codes_draws_the_reconstruction(
    sampler: Any, regulariser: Any
) -> None:
    game, x = game_of(sampler=sampler, regulariser=regulariser), images(4)
    nets = nets_of(game)
    nets["denoiser"] = Knowing(game, nets["denoiser"].scale, _unscaled(game, nets, x))
    noise = {"z": torch.rand(4, 32), "steps": torch.randint(1 << 62, (4,))}
    found = game.sample(nets, noise, HYPER, {"y": torch.zeros(4).long()})
    torch.testing.assert_close(found, game.reconstruct(nets, x, {}, HYPER), rtol=0, atol=1e-3)


def test_ddim_of_all_steps_knows_no_chance_but_its_start() -> None:
    game = game_of(sample_steps=20)
    nets, y = nets_of(game), torch.tensor([0, 1, 2])
    assert set(game.sample_noise(3)) == {"z"}
    start = torch.rand(3, 32)
    x = game.sample_begin(nets, {"z": start}, HYPER)
    for step in range(20, 0, -1):
        t = torch.full((3,), step)
        kept, earlier = (game.schedule.alpha_bar(t - back).float()[0] for back in (0, 1))
        noise = nets["denoiser"](x, t / 20, game.condition_of({"y": y}))
        x0 = (x - (1 - kept).sqrt() * noise) / kept.sqrt()
        x = earlier.sqrt() * x0 + (1 - earlier).sqrt() * noise
    found = game.sample(nets, {"z": start}, HYPER, {"y": y})
    torch.testing.assert_close(found, game.stage.decode(nets, 2 * x), rtol=0, atol=1e-3)


def test_guidance_is_a_line_through_the_networks_with_and_without_the_class() -> None:
    game = game_of()
    nets, x, t = nets_of(game), torch.randn(4, 2, 4, 4), torch.tensor([1, 5, 12, 20])
    told = {"y": torch.tensor([0, 1, 2, 0])}
    conditional, _ = game.predict(nets, x, t, told)
    unknown, _ = game.predict(nets, x, t, {"y": torch.full((4,), 3)})
    assert not torch.allclose(conditional, unknown)
    for scale in (-1.0, 0.0, 1.0, 3.0):
        hyper = HYPER | {"guidance_scale": torch.tensor(scale)}
        found, _ = game.denoised(nets, x, t, hyper, told)
        wanted = (1 + scale) * conditional - scale * unknown
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def _first_stage(game: LatentDiffusion, nets: Any, x: Tensor, **hyper: float) -> Any:
    drawn = {name: torch.zeros(one.shape) for name, one in game.noise["autoencoder"].items()}
    values = HYPER | {name: torch.tensor(value) for name, value in hyper.items()}
    return game.loss("autoencoder", nets, {"x": x}, drawn, values)


def test_the_kl_is_weighted_against_the_whole_error_of_an_image() -> None:
    game, x = game_of(), images(8)
    nets = nets_of(game)
    less, more = (_first_stage(game, nets, x, kl_weight=weight)[0] for weight in (0.0, 8.0))
    mean, log_variance = nets["autoencoder"].encode(x).chunk(2, -1)
    rate = gaussian_kl(mean.flatten(1), log_variance.flatten(1)).mean()
    torch.testing.assert_close(64 * (more - less), 8 * rate, rtol=1e-3, atol=1e-3)
    told = _first_stage(game, nets, x)[1]
    torch.testing.assert_close(told["rate"], rate.detach())


def test_normal_codes_are_drawn_from_their_posterior() -> None:
    codes, key = NormalCodes(), torch.arange(4000)
    z = torch.tensor([1.0, -2.0, -1.0, 0.5]).expand(4000, 4)
    drawn = codes.drawn(z, {"code": normal(key, (2,))})
    torch.testing.assert_close(drawn.mean(0), codes.mean(z)[0], rtol=0, atol=0.08)
    torch.testing.assert_close(drawn.var(0), z[0, 2:].exp(), rtol=0.1, atol=0)
    assert bool(codes.drawn(torch.full((1, 4), 1e9), {"code": torch.ones(1, 2)}).isfinite().all())


def test_vectors_are_snapped_when_they_are_decoded_and_not_before() -> None:
    game, x = game_of(regulariser="vq"), images(8)
    nets = nets_of(game)
    codes = game.encode(nets, x, {}, HYPER).detach()
    table = nets["autoencoder"].codebook.table().detach()
    every = codes.movedim(1, -1).reshape(-1, 2)
    assert float(torch.cdist(every, table).min(1).values.max()) > 1e-3
    snapped = nets["autoencoder"].codebook.snapped(every).detach()
    assert float(torch.cdist(snapped, table).min(1).values.max()) < 1e-3
    near = codes + 1e-6
    torch.testing.assert_close(game.stage.decode(nets, near), game.stage.decode(nets, codes))


def test_the_critic_plays_from_its_start_on() -> None:
    game, x = game_of(), images(8)
    nets = nets_of(game)
    start = game.config.critic_start
    for progress, plays in ((start - 0.01, False), (start, True)):
        one, other = (
            _first_stage(game, nets, x, progress=progress, adversarial_weight=weight)[0]
            for weight in (0.0, 5.0)
        )
        assert (not torch.equal(one, other)) is plays


GRIDS = {(1, 8, 8): 4, (1, 28, 28): 7, (3, 32, 32): 8, (3, 64, 64): 8}


@pytest.mark.parametrize(("shape", "side"), GRIDS.items())
def test_codes_are_smaller_than_images_which_they_become_again(
    shape: tuple[int, ...], side: int
) -> None:
    game = game_of(shape, classes=0, sample_steps=1)
    nets, x = nets_of(game), images(2, shape)
    codes = game.encode(nets, x, {}, HYPER)
    assert codes.shape == (2, 2, side, side)
    again = game.reconstruct(nets, x, {}, HYPER)
    torch.testing.assert_close(again, game.stage.decode(nets, codes))
    start = {"z": torch.rand(game.sample_noise(2)["z"].shape)}
    drawn = game.sample(nets, start, HYPER)
    assert again.shape == drawn.shape == x.shape
    assert float(drawn.abs().max()) <= 1
    assert not game.given


@pytest.mark.parametrize(
    ("shape", "factor", "law"),
    [
        ((2,), 0, "images have"), ((2, 8, 8), 0, "images have"),
        ((1, 8, 8), 4, "leaves 4 codes"), ((1, 28, 28), 8, "divides the sides"),
    ],
)  # fmt: skip
def test_data_without_a_grid_of_codes_are_refused(shape: Any, factor: int, law: str) -> None:
    with pytest.raises(ValueError, match=law):
        game_of(shape, factor=factor)


def test_roots_of_the_scaled_betas_grow_evenly() -> None:
    """As in the authors' `make_beta_schedule("linear")`, of 0.0015 to 0.0195."""
    betas = Schedule(1000, "scaled_linear").betas()
    wanted = torch.linspace(0.0015**0.5, 0.0195**0.5, 1000, dtype=torch.float64) ** 2
    torch.testing.assert_close(betas, wanted)
