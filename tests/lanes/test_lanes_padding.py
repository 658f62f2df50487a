"""A smaller latent in a padded pack is the smaller model, and nothing else."""

from typing import Any

import pytest
import torch
from torch import Tensor

from bound_nets import Net
from gensweep.lanes import draw
from gensweep.lanes._noise_reader import NoiseReader
from gensweep.space import scopes
from gensweep_models.adversarial.truncation import truncated_normal
from gensweep_models.catalog import CATALOG
from small_entries import STRUCTURES

LATENT = [n for n in STRUCTURES if scopes(CATALOG[n].config).get("latent_size") == "latent"]
TRUE = 4


class Cut:
    """The feed of a padded pack for a pack of the true size: noise cut to its shape."""

    def __init__(self, true: Any, padded: Any):
        self.true, self.padded = true, padded
        self.inner = padded.inputs.player_noise

    def __call__(self, player: str, noise: Any, tick: int) -> dict[str, Tensor]:
        drawn = self.inner(player, noise, tick)
        shapes = {n: one.shape for n, one in self.true.game.noise[player].items()}
        cut = {
            n: t[(slice(None), *(slice(0, size) for size in shapes[n]))] for n, t in drawn.items()
        }
        assert any(t.shape != drawn[n].shape for n, t in cut.items())
        return cut


def _true(factory: Any, model: str, **values: Any) -> tuple[Any, Any]:
    """A padded pack, and one of the true size that draws the padded pack's noise."""
    config = factory.config(model, latent_size=TRUE, **values)
    padded = factory.filled(model, [config])
    true = factory.pack(model, config, space={}, trace=False)
    factory.load(true, 0, config, 0)
    true.inputs.noise = padded.inputs.noise
    true.inputs.player_noise = Cut(true, padded)
    return padded, true


def _blocks(padded: Any, true: Any, name: str) -> list[tuple[Tensor, Tensor]]:
    """Each tensor of lane 0 beside that of the true size."""
    big, small = padded.stacks[name], true.stacks[name]
    flats = [(big.flat, small.flat)]
    flats += [(m, small.optimizer[k]) for k, m in big.optimizer.items() if k != "steps"]
    if big.ema is not None:
        flats.append((big.ema, small.ema))
    pairs = []
    for one, other in flats:
        views, known = big.views(one), small.views(other)
        pairs += [(views[n][0], known[n][0]) for n in views]
    return pairs


@pytest.mark.parametrize("model", LATENT)
def test_padding_stays_zero_and_changes_no_step(factory: Any, model: str) -> None:
    padded, true = _true(factory, model)
    assert padded.config.latent_size > TRUE
    padded.run(10)
    true.run(10)
    held = 0
    for name in padded.stacks:
        for big, small in _blocks(padded, true, name):
            inside = tuple(slice(0, n) for n in small.shape)
            torch.testing.assert_close(big[inside], small, rtol=2e-3, atol=2e-5)
            outside = big.clone()
            outside[inside] = 0
            assert not outside.any()
            held += big.numel() - small.numel()
    assert held


@pytest.mark.parametrize("model", LATENT)
def test_samples_are_those_of_the_true_size(factory: Any, model: str) -> None:
    """Noise beyond the true size has no effect on samples."""
    config = factory.config(model, latent_size=TRUE)
    pack = factory.filled(model, [config])
    pack.run(3)
    noise = torch.rand(2, 5, pack.config.latent_size)
    noise[1, :, :TRUE] = noise[0, :, :TRUE]
    nets = {n: Net(n, stack.module, stack.lane_weights(0), {}) for n, stack in pack.stacks.items()}
    hyper = {"latent_size": torch.tensor(float(TRUE)), "truncation": torch.tensor(2.0)}
    given = [{"y": torch.arange(5) % 3}] if getattr(pack.game, "given", ()) else []
    one, other = (pack.game.sample(nets, {"z": z}, hyper, *given) for z in noise)
    assert torch.equal(one, other)


def test_the_engine_blanks_what_a_lane_has_not(factory: Any) -> None:
    """In training and in samples, of normal and of uniform noise, each lane by its own size."""
    configs = [factory.config("gan", latent_size=n) for n in (2, 4, 6)]
    pack = factory.filled("gan", configs)
    noise = factory.inputs(pack, "generator")[1]["z"]
    assert [int((lane != 0).any(0).sum()) for lane in noise] == [2, 4, 6]
    spec = pack.game.sample_noise(5)
    sizes = [pack.lane(slot).hyper for slot in range(3)]
    uniform = draw(spec, [0, 1, 2], "sample", 0, sizes=sizes)["z"]
    assert [int((lane != 0.5).any(0).sum()) for lane in uniform] == [2, 4, 6]
    read = NoiseReader(spec, 5, [0, 1, 2], "sample", 0, sizes=sizes)
    assert torch.equal(torch.cat([read.read(2)["z"], read.read(3)["z"]], 1), uniform)
    assert truncated_normal(torch.tensor(0.5), torch.tensor(2.0)).abs() < 1e-12
    of_fixed_size = draw(spec, [0, 1, 2], "sample", 0, sizes=[{}, {}, {}])["z"]
    assert (of_fixed_size != 0.5).all()


def test_both_sizes_are_known_under_two_names(factory: Any) -> None:
    config = factory.config("gan", latent_size=TRUE)
    pack = factory.filled("gan", [config])
    hyper = pack._player_hyper("critic", slice(0, 1), torch.zeros(1))
    assert float(hyper["latent_size"]) == TRUE
    assert float(hyper["padded_latent_size"]) == pack.config.latent_size == 6


def test_a_game_that_masks_nothing_is_the_smaller_one(factory: Any) -> None:
    """The gradient of weights beyond a lane's size is zero from the first step."""
    padded, _ = _true(factory, "gan")
    batch, noise, hyper = factory.inputs(padded, "generator")
    grad, *_ = padded.turns["generator"].gradient(batch, noise, hyper)
    first = padded.stacks["generator"].views(grad)["0.weight"][0]
    assert first[:, :TRUE].any(0).all()
    assert not first[:, TRUE:].any()
