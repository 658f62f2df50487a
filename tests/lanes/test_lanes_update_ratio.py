"""How far a turn moves a player: measured once in each part of a trial's learning curve."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.lanes import CURVE_PARTS
from gensweep_models.game import Player
from toy_games import Toy, ToyConfig, sgd, toy_pack


def _net() -> nn.Module:
    return nn.Linear(2, 1)


def _chase(player: str, nets: Any, batch: Any, *args: Any) -> Any:
    mine, other = (nets[name](batch["x"]) for name in (player, "ab".replace(player, "")))
    return (mine - other - 1).square().mean(), {}


@pytest.mark.parametrize("order", ["in_turn", "at_once", "extragradient"])
def test_the_ratio_is_that_of_weights_before_and_after_a_turn(factory: Any, order: str) -> None:
    """Of whatever changed them: clipped, bounded or decayed, by a fused kernel or a formula."""
    players = {"a": sgd(_net, max_grad_norm=0.3, weight_bound=0.9),
               "b": Player(_net, "adamw", weight_decay=0.1)}  # fmt: skip
    pack = toy_pack(lambda c: Toy(players, _chase, order=order), factory.points)
    before = {name: stack.flat.clone() for name, stack in pack.stacks.items()}
    told = pack.run(1)
    for name, stack in pack.stacks.items():
        for slot, progress in told.items():
            moved, now = stack.flat[slot] - before[name][slot], stack.flat[slot]
            wanted = float(moved.norm() / now.norm())
            assert progress.metrics[f"{name}_update_ratio"] == pytest.approx(wanted, rel=1e-5)
            assert wanted > 0


def test_every_part_of_a_curve_measures_the_first_turn_that_all_players_take(factory: Any) -> None:
    """Lanes whose rounds differ do so in ticks of their own; others between them are not told."""
    players = {"a": sgd(_net, turns="critic_iterations"), "b": sgd(_net)}
    pack = toy_pack(lambda c: Toy(players, _chase), factory.points, critic_iterations=3)
    total = 4 * CURVE_PARTS
    for slot, turns in enumerate((1, 3)):
        pack.load(slot, ToyConfig(critic_iterations=turns), seed=slot, budget_images=8 * total)
    ratios: dict[tuple[int, str], list[Tensor]] = {}
    points: dict[int, list[dict[str, float]]] = {0: [], 1: []}
    for _ in range(total):
        before = {name: stack.flat.clone() for name, stack in pack.stacks.items()}
        for slot, progress in pack.run(1).items():
            points[slot] += [point.metrics for point in progress.points]
        for name, stack in pack.stacks.items():
            change = (stack.flat - before[name]).norm(dim=1) / stack.flat.norm(dim=1)
            for slot in (0, 1):
                ratios.setdefault((slot, name), []).append(change[slot])
    for slot, turns in enumerate((1, 3)):
        for name in players:
            for part, point in enumerate(points[slot]):
                first = next(t for t in range(4 * part, total) if t % turns == turns - 1)
                wanted = float(ratios[slot, name][first])
                assert point[f"{name}_update_ratio"] == pytest.approx(wanted, rel=1e-4, abs=1e-12)


def test_a_player_of_zeros_that_does_not_move_has_a_ratio_of_zero(factory: Any) -> None:
    pack = toy_pack(lambda c: Toy({"net": sgd(_net)}, own_sum_of_squares), factory.points)
    pack.stacks["net"].flat.zero_()
    assert pack.run(1)[0].metrics["net_update_ratio"] == 0


def own_sum_of_squares(player: str, nets: Any, *args: Any) -> Any:
    return sum(one.square().sum() for one in nets[player].parameters.values()), {}


def test_a_model_may_not_call_its_own_metric_so(factory: Any) -> None:
    def loss(player: str, nets: Any, *args: Any) -> Any:
        value, _ = own_sum_of_squares(player, nets)
        return value, {"net_update_ratio": torch.zeros(())}

    pack = toy_pack(lambda c: Toy({"net": sgd(_net)}, loss), factory.points)
    with pytest.raises(UserError, match="'net_update_ratio', which the engine measures itself"):
        pack.run(1)
