"""The loss of a diffusion at each level of noise, against a loop over examples."""

from typing import Any

import pytest
import torch

from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.diffusion.noise_levels import level_losses
from small_entries import small_settings

NAMES = [f"level_loss.{quarter}" for quarter in (1, 2, 3, 4)]


def test_each_quarter_has_its_examples_errors() -> None:
    torch.manual_seed(0)
    errors, level = torch.rand(40, 1, 3, 2), torch.rand(40)
    level[:3] = torch.tensor([0.0, 0.25, 1.0])
    told = level_losses(errors, level)
    for quarter, name in enumerate(NAMES):
        among = [float(e.mean()) for e, u in zip(errors, level, strict=True)
                 if min(int(4 * float(u)), 3) == quarter]  # fmt: skip
        assert float(told[name]) == pytest.approx(4 * sum(among) / 40)
    assert float(torch.stack(list(told.values())).mean()) == pytest.approx(float(errors.mean()))
    assert level_losses(errors[:, 0, 0], level) == {}


@pytest.mark.parametrize(
    ("name", "values"),
    [("ddpm", {}), ("ddpm", {"target": "x0", "steps": 30}), ("rectified_flow", {})],
)
def test_the_quarters_of_a_game_are_parts_of_its_loss(name: str, values: dict[str, Any]) -> None:
    """Of an untrained network the error of x0 is the same everywhere, and no level is left out."""
    model, data = CATALOG[name], RandomExamples((1, 4, 4))
    config = model.config(**small_settings(model, batch_size=256, **values))
    pack = Pack(model, config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=2560)
    ((player, told),) = pack.losses(0).items()
    quarters = [told[name] for name in NAMES]
    assert sum(quarters) / 4 == pytest.approx(told[f"{player}_loss"], rel=1e-5)
    if values.get("target") == "x0":
        assert quarters == pytest.approx([told[f"{player}_loss"]] * 4, rel=0.5)


def test_the_first_quarter_is_that_next_to_the_data() -> None:
    """Where a network of zeros errs most here, by noise that grows with the time from 0 to 1."""
    model, data = CATALOG["rectified_flow"], RandomExamples((1, 4, 4))
    config = model.config(**small_settings(model, batch_size=64))
    game = model.game(config, data)
    x, t = torch.zeros(64, 1, 4, 4), torch.linspace(0, 1, 64)
    noise = {
        "t": t,
        "z": t[:, None, None, None].expand(64, 1, 4, 4),
    }  # large where the time is late
    nets: Any = {"velocity": lambda point, time: torch.zeros_like(point)}
    _, told = game.loss("velocity", nets, {"x": x}, noise, {})
    found = [float(told[name]) for name in NAMES]
    assert found == sorted(found, reverse=True)
