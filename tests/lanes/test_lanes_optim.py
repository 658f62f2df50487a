"""Stacked optimisers against torch.optim, every scalar different from lane to lane."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.lanes._optimizer_formulas import EMA_WARMUP
from gensweep.lanes._optimizer_step_cpu import KERNELS
from gensweep.lanes._stack import Stack
from gensweep.lanes._turn import Turn

LANES, STEPS = 3, 100
HYPER = {
    "learning_rate": torch.tensor([1e-3, 1e-2, 3e-2]),
    "beta1": torch.tensor([0.0, 0.5, 0.9]),
    "beta2": torch.tensor([0.9, 0.99, 0.999]),
    "momentum": torch.tensor([0.0, 0.5, 0.9]),
    "weight_decay": torch.tensor([0.0, 0.01, 0.1]),
    "ema": torch.tensor([0.0, 0.5, 0.999]),
    "clip": torch.tensor([0.01, 0.1, 100.0]),
    "progress": torch.tensor([0.0, 0.25, 1.0]),
}
ORACLES: dict[str, Any] = {
    "sgd": lambda p, h: torch.optim.SGD(p, h["learning_rate"], h["momentum"], 0, h["weight_decay"]),
    "rmsprop": lambda p, h: torch.optim.RMSprop(
        p, h["learning_rate"], weight_decay=h["weight_decay"], momentum=h["momentum"]
    ),
    "adam": lambda p, h: torch.optim.Adam(
        p, h["learning_rate"], (h["beta1"], h["beta2"]), weight_decay=h["weight_decay"]
    ),
    "adamw": lambda p, h: torch.optim.AdamW(
        p, h["learning_rate"], (h["beta1"], h["beta2"]), weight_decay=h["weight_decay"]
    ),
}


def _turn(optimizer: str, **options: Any) -> Turn:
    player: Any = SimpleNamespace(
        build=lambda: nn.Linear(4, 3),
        optimizer=optimizer,
        **{n: n for n in ("learning_rate", "beta1", "beta2", "momentum", "weight_decay")},
        **({"turns": 1, "clip": None, "ema": None, "decay": False} | options),
    )
    stack = Stack(player, LANES, torch.device("cpu"))
    torch.manual_seed(1)
    for slot in range(LANES):
        stack.reset(slot, nn.Linear(4, 3))
    game: Any = SimpleNamespace(players={"one": player})
    return Turn(game, {"one": stack}, "one", trace=True)


def _gradients() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(STEPS, LANES, 15) * torch.logspace(-3, 1, 15)


BOTH_WAYS = [(name, fused) for name in ORACLES for fused in {False, name in KERNELS}]


@pytest.mark.parametrize(("optimizer", "fused"), BOTH_WAYS)
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


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_clip_bounds_each_lane_by_its_own_value(optimizer: str) -> None:
    clipped, free = _turn(optimizer, clip="clip"), _turn(optimizer)
    for turn in (clipped, free):
        turn.step(_gradients()[0], HYPER, None)
    bound = HYPER["clip"][:, None]
    expected = free.stacks["one"].flat.clamp(-bound, bound)
    assert torch.equal(clipped.stacks["one"].flat, expected)
    assert not torch.equal(expected[0], free.stacks["one"].flat[0])


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


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_decay_scales_the_rate_by_the_budget_left(optimizer: str) -> None:
    decayed, steady = _turn(optimizer, decay=True), _turn(optimizer, decay=False)
    start = decayed.stacks["one"].flat.clone()
    for turn in (decayed, steady):
        turn.step(_gradients()[0], HYPER, None)
    left = 1 - HYPER["progress"][:, None]
    full = steady.stacks["one"].flat - start
    torch.testing.assert_close(decayed.stacks["one"].flat - start, left * full)
