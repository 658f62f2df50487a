"""The largest singular value of a player's matrices, against a decomposition of each."""

from typing import Any

import pytest
import torch
from torch import nn

from gensweep.lanes._spectral_norm import spectral_norm
from gensweep.lanes._stack import Stack
from gensweep_models.game import Player
from toy_games import Number, Toy, own_number, sgd, toy_pack


def _net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(2, 6, 3), nn.Flatten(), nn.Linear(6, 24), nn.Linear(24, 6))


def _filled(lanes: int) -> Stack:
    stack = Stack(Player(_net, "sgd"), lanes, torch.device("cpu"))
    for slot in range(lanes):
        torch.manual_seed(slot)
        net = _net()
        with torch.no_grad():
            net[slot % 2 * 2].weight.mul_(1.0 + 4 * slot)
        stack.reset(slot, net)
    return stack


def test_it_is_the_largest_of_all_matrices_of_a_lane() -> None:
    stack = _filled(3)
    views = {name: v for name, v in stack.views(stack.flat).items() if name.endswith("weight")}
    for slot, found in enumerate(spectral_norm(stack, slice(None)).tolist()):
        exact = max(float(torch.linalg.matrix_norm(v[slot].flatten(1), 2)) for v in views.values())
        assert 0.95 * exact <= found <= exact * (1 + 1e-5)


def test_a_lane_has_the_same_bits_beside_any_others() -> None:
    stack = _filled(4)
    whole = spectral_norm(stack, slice(None))
    some = spectral_norm(stack, torch.tensor([1, 3]))
    assert some.tolist() == [0, whole[1], 0, whole[3]]


def test_a_curve_tells_it_of_the_weights_after_the_turn(factory: Any) -> None:
    def loss(player: str, nets: Any, batch: Any, *args: Any) -> Any:
        return nets["net"](batch["x"]).square().mean(), {}

    game = Toy({"net": sgd(lambda: nn.Linear(2, 1))}, loss)
    pack = toy_pack(lambda c: game, factory.points)
    assert "net_spectral_norm" not in pack.run(4)[0].metrics
    told = pack.run(1)
    weights = pack.stacks["net"].views(pack.stacks["net"].flat)["weight"]
    for slot, progress in told.items():
        exact = float(torch.linalg.matrix_norm(weights[slot], 2))
        assert progress.metrics["net_spectral_norm"] == pytest.approx(exact, rel=1e-5)
    points = [point.metrics for point in pack.run(35)[0].points]
    told_at = [at for at, one in enumerate(points, 1) if "net_spectral_norm" in one]
    assert told_at == list(range(5, 36, 5))
    assert all("net_update_ratio" in one for one in points)


def test_a_player_without_matrices_has_none(factory: Any) -> None:
    pack = toy_pack(lambda c: Toy({"net": sgd(Number)}, own_number), factory.points)
    (told, _) = pack.run(1).values()
    assert told.metrics.keys() - {"net_loss"} == pack.measured
    assert pack.measured == {"net_gradient_norm", "net_update_ratio"}
