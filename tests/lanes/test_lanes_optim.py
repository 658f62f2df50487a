"""Stacked optimisers against torch.optim or their papers; every scalar differs between lanes."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from torch import Tensor, nn

from gensweep.lanes import OPTIMIZERS
from gensweep.lanes._optimizer_formulas import EMA_WARMUP
from gensweep.lanes._optimizer_step_cpu import KERNELS
from gensweep.lanes._stack import Stack
from gensweep.lanes._turn import Turn
from gensweep_models.game import OptimizerName, Player

LANES, STEPS = 3, 100
HYPER = {
    "learning_rate": torch.tensor([1e-3, 1e-2, 3e-2]),
    "beta1": torch.tensor([0.0, 0.5, 0.9]),
    "beta2": torch.tensor([0.9, 0.99, 0.999]),
    "momentum": torch.tensor([0.0, 0.5, 0.9]),
    "weight_decay": torch.tensor([0.0, 0.01, 0.1]),
    "eps": torch.tensor([1e-8, 1e-4, 1e-2]),
    "ema": torch.tensor([0.0, 0.5, 0.999]),
    "bound": torch.tensor([0.01, 0.1, 100.0]),
    "norm": torch.tensor([0.01, 1.0, 100.0]),
    "progress": torch.tensor([0.0, 0.25, 1.0]),
}
SCALARS = ("learning_rate", "momentum", "weight_decay", "eps")


class Lion(torch.optim.Optimizer):
    """Algorithm 2 of arXiv:2302.06675, line by line."""

    def __init__(self, params: Any, h: Any):
        super().__init__(params, h)
        self.mean = torch.zeros(())

    def step(self, closure: Any = None) -> None:
        h, (p,) = self.defaults, self.param_groups[0]["params"]
        c = h["beta1"] * self.mean + (1 - h["beta1"]) * p.grad
        p.data -= h["learning_rate"] * (torch.sign(c) + h["weight_decay"] * p.data)
        self.mean = h["beta2"] * self.mean + (1 - h["beta2"]) * p.grad


class Optimistic(torch.optim.Optimizer):
    """Twice a direction less the last one (arXiv:1711.00141): of SGD, or of Adam (Algorithm 1)."""

    def __init__(self, params: Any, h: Any, *, adam: bool):
        super().__init__(params, h)
        self.adam, self.t = adam, 0
        self.last = self.m = self.v = torch.zeros(())

    def step(self, closure: Any = None) -> None:
        h, (p,) = self.defaults, self.param_groups[0]["params"]
        direction = p.grad + h["weight_decay"] * p.data
        if self.adam:
            self.t += 1
            self.m = h["beta1"] * self.m + (1 - h["beta1"]) * direction
            self.v = h["beta2"] * self.v + (1 - h["beta2"]) * direction**2
            m, v = self.m / (1 - h["beta1"] ** self.t), self.v / (1 - h["beta2"] ** self.t)
            direction = m / (v.sqrt() + h["eps"])
        p.data -= h["learning_rate"] * (2 * direction - self.last)
        self.last = direction


def _of_adam(kind: Any) -> Any:
    return lambda p, h: kind(p, h["learning_rate"], (h["beta1"], h["beta2"]), h["eps"],
                             h["weight_decay"])  # fmt: skip


ORACLES: dict[str, Any] = {
    "sgd": lambda p, h: torch.optim.SGD(p, h["learning_rate"], h["momentum"], 0, h["weight_decay"]),
    "rmsprop": lambda p, h: torch.optim.RMSprop(
        p, h["learning_rate"], 0.99, h["eps"], h["weight_decay"], h["momentum"]
    ),
    "adam": _of_adam(torch.optim.Adam),
    "adamw": _of_adam(torch.optim.AdamW),
    "adamax": _of_adam(torch.optim.Adamax),
    "lion": Lion,
    "optimistic_sgd": lambda p, h: Optimistic(p, h, adam=False),
    "optimistic_adam": lambda p, h: Optimistic(p, h, adam=True),
}


def _network() -> nn.Module:
    return nn.Linear(4, 3)


def _turn(optimizer: Any, build: Callable[[], nn.Module] = _network, **options: Any) -> Turn:
    player = Player(build, optimizer, **({n: n for n in SCALARS} | options))
    stack = Stack(player, LANES, torch.device("cpu"))
    torch.manual_seed(1)
    for slot in range(LANES):
        stack.reset(slot, build())
    game: Any = SimpleNamespace(players={"one": player})
    return Turn(game, {"one": stack}, "one", trace=True)


def _gradients() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(STEPS, LANES, 15) * torch.logspace(-3, 1, 15)


BOTH_WAYS = [(name, fused) for name in ORACLES for fused in {False, name in KERNELS}]
both_ways = pytest.mark.parametrize(("optimizer", "fused"), BOTH_WAYS)


def test_every_optimiser_of_the_table_has_an_oracle() -> None:
    assert set(ORACLES) == set(OPTIMIZERS) == set(get_args(OptimizerName))


@both_ways
def test_equals_torch_for_100_steps(optimizer: str, fused: bool) -> None:
    turn = _turn(optimizer)
    assert turn.fused == (optimizer in KERNELS)
    turn.fused = fused
    flat = turn.stacks["one"].flat
    leaves = [nn.Parameter(row.clone()) for row in flat]
    each = [{n: float(v[i]) for n, v in HYPER.items()} for i in range(LANES)]
    oracles = [ORACLES[optimizer]([p], h) for p, h in zip(leaves, each, strict=True)]
    for grad in _gradients():
        turn.step(grad, HYPER, None)
        for leaf, oracle, row in zip(leaves, oracles, grad, strict=True):
            leaf.grad = row.clone()
            oracle.step()
        # roundoff of a step is about 1e-7 of a weight
        torch.testing.assert_close(flat, torch.stack(leaves).detach(), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("fused", [True, False])
def test_a_resting_lane_keeps_weights_moments_and_average(fused: bool) -> None:
    turn = _turn("adam", ema="ema")
    turn.fused = fused
    grads = _gradients()
    turn.step(grads[0], HYPER, None)
    before = [turn.stacks["one"].take(slot) for slot in range(LANES)]
    turn.step(grads[1], HYPER, torch.tensor([True, False, True]))
    after = [turn.stacks["one"].take(slot) for slot in range(LANES)]
    assert all(torch.equal(before[1][n], after[1][n]) for n in before[1])
    assert not any(torch.equal(before[2][n], after[2][n]) for n in before[2])


@both_ways
def test_weights_are_bounded_by_each_lanes_own_value_or_by_a_constant(
    optimizer: str, fused: bool
) -> None:
    named, constant, free = (_turn(optimizer, weight_bound=b) for b in ("bound", 0.1, None))
    for turn in (named, constant, free):
        turn.fused = fused
        turn.step(_gradients()[0], HYPER, None)
    weights = free.stacks["one"].flat
    bound = HYPER["bound"][:, None]
    assert torch.equal(named.stacks["one"].flat, weights.clamp(-bound, bound))
    assert torch.equal(constant.stacks["one"].flat, weights.clamp(-0.1, 0.1))
    assert float(weights[0].abs().max()) > 0.1


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_average_follows_its_recurrence(optimizer: str) -> None:
    turn = _turn(optimizer, ema="ema")
    stack = turn.stacks["one"]
    expected = stack.flat.clone()
    for step, grad in enumerate(_gradients()[:30], 1):
        turn.step(grad, HYPER, None)
        rate = HYPER["ema"].clamp(max=step / (EMA_WARMUP + step))[:, None]
        expected = rate * expected + (1 - rate) * stack.flat
        torch.testing.assert_close(stack.sampling_weights(), expected)
    torch.testing.assert_close(stack.sampling_weights()[0], stack.flat[0])
