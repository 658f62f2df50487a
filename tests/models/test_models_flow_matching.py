"""Flow matching's laws: velocities are the paths' own, and lead noise to the data they are of."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep_models.diffusion.flow_matching import (
    FlowMatching,
    FlowMatchingConfig,
    diffusion_path,
)
from gensweep_models.diffusion.rectified_flow import RectifiedFlow, RectifiedFlowConfig

MEAN, DEVIATION, LEAST = 0.8, 0.5, 1e-2
HYPER = {"sigma_min": torch.tensor(LEAST)}
DATA = SimpleNamespace(shape=(2,), classes=0, count=64)


def game_of(**settings: Any) -> FlowMatching:
    return FlowMatching(FlowMatchingConfig(**{"hidden": 8, "layers": 1} | settings), DATA)


@pytest.mark.parametrize("path", ["optimal_transport", "diffusion"])
def test_velocities_are_the_paths_derivatives(path: Any) -> None:
    game, x, z = game_of(path=path), *torch.randn(2, 50, 2, dtype=torch.float64)
    t = torch.linspace(0, 0.99, 50, dtype=torch.float64)[:, None]
    (_, velocity), (slope, _) = torch.func.jvp(
        lambda time: game.path(x, z, time, HYPER), (t,), (torch.ones_like(t),)
    )
    torch.testing.assert_close(velocity, slope)


@pytest.mark.parametrize("path", ["optimal_transport", "diffusion"])
def test_paths_lead_from_noise_to_the_example(path: Any) -> None:
    game, x, z = game_of(path=path), *torch.randn(2, 50, 2)
    for time, wanted in ((0.0, z), (1.0, x)):
        found, _ = game.path(x, z, torch.full((50, 1), time), HYPER)
        torch.testing.assert_close(found, wanted, rtol=0, atol=0.06)
    end, _ = game_of().path(x, z, torch.ones(50, 1), HYPER)
    torch.testing.assert_close(end, x + LEAST * z)


def test_the_diffusion_path_preserves_variance() -> None:
    t = torch.linspace(0, 1, 20)[:, None]
    one, zero = torch.ones(20, 1), torch.zeros(20, 1)
    mean, deviation = diffusion_path(one, zero, t)[0], diffusion_path(zero, one, t)[0]
    torch.testing.assert_close(mean.square() + deviation.square(), one)


def test_without_a_least_deviation_it_is_a_rectified_flow() -> None:
    x, z, t = torch.randn(8, 2), torch.randn(8, 2), torch.rand(8)
    plain = RectifiedFlow(RectifiedFlowConfig(), DATA)
    nets, noise = {"velocity": lambda point, time: point * 0.3}, {"z": z, "t": t}
    wanted, _ = plain.loss("velocity", nets, {"x": x}, noise, {})
    found, _ = game_of().loss("velocity", nets, {"x": x}, noise, {"sigma_min": torch.tensor(0.0)})
    torch.testing.assert_close(found, wanted)


def _oracle(point: Tensor, time: Tensor) -> Tensor:
    """E[velocity | point] of normal data on the straight paths, by regression of normals."""
    t, left = time[:, None].double(), 1 - LEAST
    spread = 1 - left * t
    total = spread.square() + (t * DEVIATION).square()
    gain = (t * DEVIATION**2 - left * spread) / total
    return (MEAN + gain * (point - t * MEAN)).to(point.dtype)


def test_the_velocity_of_normal_data_carries_noise_to_them() -> None:
    """Along the flow a number keeps its place among others: the end is mean + deviation z."""
    z = torch.randn(500, 2)
    nets, wanted, errors = {"velocity": _oracle}, MEAN + DEVIATION * z, {}
    for solver, steps in (("euler", 50), ("midpoint", 25), ("midpoint", 50)):
        game = game_of(solver=solver, steps=steps)
        found = game.sample(nets, {"z": z}, HYPER)
        errors[solver, steps] = float((found - wanted).abs().max())
    assert errors["midpoint", 25] < errors["euler", 50] / 3  # at equal evaluations
    assert errors["midpoint", 50] < 1e-2


def test_no_velocity_has_a_smaller_loss_than_the_mean_of_those_at_a_point() -> None:
    torch.manual_seed(0)
    game = game_of(batch_size=4000)
    x, z, t = MEAN + DEVIATION * torch.randn(4000, 2), torch.randn(4000, 2), torch.rand(4000)
    losses = []
    for shift in (0.0, 0.2, -0.2):
        nets = {"velocity": lambda point, time, by=shift: _oracle(point, time) + by}
        losses.append(float(game.loss("velocity", nets, {"x": x}, {"z": z, "t": t}, HYPER)[0]))
    assert losses[0] < min(losses[1:])
