"""How players that act at the same tick are updated, by the bilinear game min_x max_y xy."""

from typing import Any

import pytest
import torch

from gensweep.errors import UserError
from gensweep.lanes import Ranks
from toy_games import Number, Toy, ToyConfig, sgd, toy_pack


def bilinear(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    value = (nets["x"]() * nets["y"]()).sum()
    return (value if player == "x" else -value), {}


def norms(factory: Any, order: str, rate: float, steps: int, **options: Any) -> torch.Tensor:
    """|(x, y)| at the start and after the steps, of the first of two lanes."""
    pack = toy_pack(lambda c: Toy({n: sgd(Number) for n in "xy"}, bilinear, order=order),
                    factory.points, learning_rate=rate, images=8 * steps, **options)  # fmt: skip
    found = []
    for _ in range(2):
        found.append(torch.stack([pack.stacks[n].flat[0, 0] for n in "xy"]).double().norm())
        pack.run(steps)
    return torch.stack(found)


@pytest.mark.parametrize("trace", [False, True])
@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
def test_simultaneous_updates_grow_by_sqrt_1_plus_rate_squared(
    factory: Any, rate: float, trace: bool
) -> None:
    steps = 60
    start, end = norms(factory, "at_once", rate, steps, trace=trace)
    assert float(end / start) == pytest.approx((1 + rate**2) ** (steps / 2), rel=1e-5)


@pytest.mark.parametrize("rate", [0.1, 1.9])
def test_updates_in_turn_stay_bounded(factory: Any, rate: float) -> None:
    start, end = norms(factory, "in_turn", rate, 200)
    assert end < 10 * start


@pytest.mark.parametrize("trace", [False, True])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_extragradient_contracts_as_theory_says(factory: Any, rate: float, trace: bool) -> None:
    """w <- (I - a J + a^2 J^2) w with J^2 = -I: |w| shrinks by sqrt(1 - a^2 + a^4) a step."""
    steps = 40
    start, end = norms(factory, "extragradient", rate, steps, trace=trace)
    assert float(end / start) == pytest.approx((1 - rate**2 + rate**4) ** (steps / 2), rel=1e-5)


def test_players_of_unlike_rounds_act_at_once_where_both_are_due(factory: Any) -> None:
    def build(config: Any) -> Toy:
        players = {"x": sgd(Number), "y": sgd(Number, turns="critic_iterations")}
        return Toy(players, bilinear, order="at_once")

    packs = [toy_pack(build, factory.points, critic_iterations=n) for n in (1, 3)]
    for pack in packs:
        pack.run(6)
    steps = [{n: int(p.stacks[n].optimizer["steps"][0]) for n in "xy"} for p in packs]
    assert steps == [{"x": 6, "y": 6}, {"x": 2, "y": 6}]


@pytest.mark.parametrize("order", ["at_once", "extragradient"])
def test_lanes_of_unlike_rounds_rest_where_they_are_not_due(factory: Any, order: str) -> None:
    """A pack of lanes with 1 and 3 turns of y for one of x gives what each gives alone."""

    def build(config: Any) -> Toy:
        players = {"x": sgd(Number), "y": sgd(Number, turns="critic_iterations")}
        return Toy(players, bilinear, order=order)

    def weights(pack: Any, slot: int) -> list[float]:
        return [float(pack.stacks[name].flat[slot, 0]) for name in "xy"]

    both = toy_pack(build, factory.points, critic_iterations=1)
    both.load(1, ToyConfig(critic_iterations=3), seed=1, budget_images=320)
    both.run(7)
    for slot, turns in enumerate((1, 3)):
        alone = toy_pack(build, factory.points, critic_iterations=turns)
        alone.run(7)
        assert weights(both, slot) == weights(alone, slot)


def test_a_step_that_looks_ahead_leaves_no_trace_in_averages(factory: Any) -> None:
    """The average of an extragradient step is that of the weights which it ends at.

    Its rate grows with the optimiser's steps, of which each has two.
    """
    players = {name: sgd(Number, ema=0.5) for name in "xy"}
    pack = toy_pack(lambda c: Toy(players, bilinear, order="extragradient"), factory.points)
    stack, average = pack.stacks["x"], 1.0
    for step in range(1, 6):
        pack.run(1)
        rate = min(0.5, 2 * step / (10 + 2 * step))
        average = rate * average + (1 - rate) * float(stack.flat[0, 0])
    assert float(stack.ema[0, 0]) == pytest.approx(average, rel=1e-6)


def test_players_that_act_at_once_take_the_mean_gradient_of_all_ranks(factory: Any) -> None:
    """A mean that doubles is a learning rate that doubles."""

    def run(rate: float, ranks: Ranks | None) -> list[float]:
        pack = toy_pack(lambda c: Toy({n: sgd(Number) for n in "xy"}, bilinear, order="at_once"),
                        factory.points, learning_rate=rate, ranks=ranks)  # fmt: skip
        pack.run(3)
        return [float(pack.stacks[name].flat[0, 0]) for name in "xy"]

    def double(gradient: torch.Tensor) -> None:
        gradient.mul_(2)

    doubled = Ranks(rank=0, count=2, mean_=double)
    assert run(0.1, doubled) == pytest.approx(run(0.2, None))


def test_an_unknown_order_is_refused(factory: Any) -> None:
    message = "the game's order is 'together': choose from in_turn, at_once, extragradient."
    with pytest.raises(UserError, match=message):
        toy_pack(lambda c: Toy({"x": sgd(Number)}, bilinear, order="together"), factory.points)


def learner(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
    told = {f"{player}_progress": hyper["progress"], f"{player}_spent": hyper["spent"]}
    return nets[player]().square().sum(), told


def test_three_players_learn_one_after_the_other(factory: Any) -> None:
    """Each for its own part of the budget, with its own progress."""
    parts = {"a": (0.0, 0.25), "b": (0.25, 0.5), "c": (0.5, 1.0)}
    pack = toy_pack(
        lambda c: Toy({n: sgd(Number, begins=b, ends=e) for n, (b, e) in parts.items()}, learner),
        factory.points, images=8 * 16,
    )  # fmt: skip
    progress = pack.run(16)[0]
    counted = [int(pack.stacks[n].optimizer["steps"][0]) for n in "abc"]
    assert counted == [4, 4, 8]
    told = progress.metrics
    assert told["c_spent"] == pytest.approx((8 + 15) / 2 / 16)
    assert told["b_progress"] == pytest.approx(1.5 / 4)
    assert told["c_progress"] == pytest.approx(3.5 / 8)
    assert set(pack.losses(0)) == {"a", "b", "c"}


def test_names_of_all_losses_are_known_before_any_player_begins(factory: Any) -> None:
    """And asking for them leaves the lane as it was."""
    config = factory.config("vqvae")
    pack = factory.filled("vqvae", [config, config], width=2)
    before = pack.take(0).tensors
    assert "prior_nats" in pack.losses(0)["prior"]
    after = pack.take(0).tensors
    assert all(torch.equal(after[name], one) for name, one in before.items())
