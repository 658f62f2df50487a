"""A smaller latent in a padded pack is the smaller model, and nothing else."""

from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep_models.catalog import CATALOG

LATENT = [n for n, m in CATALOG.items() if "latent_size" in m.config.__dataclass_fields__]
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
    nets = {
        name: lambda *a, stack=stack: torch.func.functional_call(
            stack.module, stack.lane_weights(0), a
        )
        for name, stack in pack.stacks.items()
    }
    hyper = {"latent_size": torch.tensor(float(TRUE)), "truncation": torch.tensor(2.0)}
    one, other = (pack.game.sample(nets, {"z": z}, hyper) for z in noise)
    assert torch.equal(one, other)
