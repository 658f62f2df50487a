"""What a player may say of how it learns: against torch, by formulas and by fused kernels alike."""

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.lanes import OPTIMIZERS, SCHEDULES
from gensweep.lanes._learning_rate import WARMUP, lane_factors
from gensweep.lanes._optimizer_step_cpu import KERNELS
from gensweep.lanes._stack import Stack
from gensweep.lanes._turn import Turn
from gensweep_models.game import Optimizer, Player

LANES, STEPS, SIZE = 3, 30, 26
HYPER = {
    "learning_rate": torch.tensor([1e-3, 1e-2, 3e-2]),
    "beta1": torch.tensor([0.0, 0.5, 0.9]),
    "beta2": torch.tensor([0.99, 0.99, 0.999]),
    "weight_decay": torch.tensor([0.0, 0.1, 0.5]),
    "norm": torch.tensor([0.1, 2.0, 100.0]),
    "bound": torch.tensor([0.2, 0.5, 100.0]),
    "ema": torch.tensor([0.0, 0.5, 0.999]),
    "progress": torch.tensor([0.0, 0.25, 0.875]),
}
TORCH: dict[str, Any] = {
    "sgd": lambda groups, h: torch.optim.SGD(groups, h["learning_rate"]),
    "adam": lambda groups, h: torch.optim.Adam(
        groups, h["learning_rate"], (h["beta1"], h["beta2"])
    ),
    "adamw": lambda groups, h: torch.optim.AdamW(
        groups, h["learning_rate"], (h["beta1"], h["beta2"])
    ),
}
WAYS = [(name, fused) for name in TORCH for fused in {False, name in KERNELS}]
both_ways = pytest.mark.parametrize(("optimizer", "fused"), WAYS)


def _network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))


def _turn(optimizer: Any, fused: bool | None = None, lanes: int = LANES, **options: Any) -> Turn:
    player = Player(_network, optimizer, **({"weight_decay": "weight_decay"} | options))
    stack = Stack(player, lanes, torch.device("cpu"))
    torch.manual_seed(1)
    for slot in range(lanes):
        stack.reset(slot, _network())
    game: Any = SimpleNamespace(players={"one": player})
    turn = Turn(game, {"one": stack}, "one", trace=True)
    if fused is not None:
        turn.fused = fused
    return turn


def _gradients() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(STEPS, LANES, SIZE)


def _modules(turn: Turn) -> list[nn.Module]:
    """Each lane's network as torch would train it alone."""
    modules, views = [_network() for _ in range(LANES)], turn.stacks["one"].views
    for slot, module in enumerate(modules):
        module.load_state_dict({n: v[slot] for n, v in views(turn.stacks["one"].flat).items()})
    return modules


def _each_hyper(slot: int) -> dict[str, float]:
    return {name: float(values[slot]) for name, values in HYPER.items()}


def _set_gradient(module: nn.Module, row: Tensor) -> None:
    for p, part in zip(module.parameters(), row.split([12, 4, 8, 2]), strict=True):
        p.grad = part.clone().view_as(p)


def _flat(modules: list[nn.Module]) -> Tensor:
    return torch.stack([nn.utils.parameters_to_vector(m.parameters()).detach() for m in modules])


@both_ways
def test_a_gradients_norm_is_clipped_as_by_torch(optimizer: str, fused: bool) -> None:
    turn = _turn(optimizer, fused, max_grad_norm="norm", weight_decay=0.0)
    modules = _modules(turn)
    oracles = [TORCH[optimizer]([{"params": m.parameters(), "weight_decay": 0.0}], _each_hyper(i))
               for i, m in enumerate(modules)]  # fmt: skip
    for grad in _gradients():
        turn.step(grad, HYPER, None)
        for slot, (module, oracle) in enumerate(zip(modules, oracles, strict=True)):
            _set_gradient(module, grad[slot])
            torch.nn.utils.clip_grad_norm_(module.parameters(), float(HYPER["norm"][slot]))
            oracle.step()
    torch.testing.assert_close(turn.stacks["one"].flat, _flat(modules), rtol=2e-5, atol=2e-6)
    norms = _gradients().norm(dim=-1)
    assert (norms[:, 0] > 0.1).all() and (norms[:, 2] < 100).all()  # noqa: PT018


@both_ways
def test_decay_acts_on_the_parameters_that_a_player_names(optimizer: str, fused: bool) -> None:
    turn = _turn(optimizer, fused, decays=lambda name: name.endswith("weight"))
    modules, oracles = _modules(turn), []
    for slot, module in enumerate(modules):
        h, named = _each_hyper(slot), dict(module.named_parameters())
        groups = [
            {"params": [p for n, p in named.items() if n.endswith("weight") is decays],
             "weight_decay": h["weight_decay"] if decays else 0.0}
            for decays in (True, False)
        ]  # fmt: skip
        oracles.append(TORCH[optimizer](groups, h))
    for grad in _gradients():
        turn.step(grad, HYPER, None)
        for slot, (module, oracle) in enumerate(zip(modules, oracles, strict=True)):
            _set_gradient(module, grad[slot])
            oracle.step()
    torch.testing.assert_close(turn.stacks["one"].flat, _flat(modules), rtol=2e-5, atol=2e-6)


WAKES = {"0.weight": 0, "0.bias": 20, "1.weight": 3, "1.bias": STEPS}
"""The step from which a parameter has a gradient other than zero."""


def _late_gradients() -> Tensor:
    grads = _gradients()
    for part, begin in zip(grads.split([12, 4, 8, 2], -1), WAKES.values(), strict=True):
        part[:begin] = 0
    return grads


@both_ways
def test_a_parameter_that_counts_its_own_steps_is_as_one_without_a_gradient_until_then(
    optimizer: str, fused: bool
) -> None:
    """torch.optim leaves a parameter whose gradient is None, and counts its steps apart."""
    turn = _turn(optimizer, fused, steps_per_parameter=True)
    modules, start = _modules(turn), turn.stacks["one"].flat.clone()
    each = [_each_hyper(slot) for slot in range(LANES)]
    oracles = [
        TORCH[optimizer]([{"params": m.parameters(), "weight_decay": h["weight_decay"]}], h)
        for m, h in zip(modules, each, strict=True)
    ]
    for step, grad in enumerate(_late_gradients()):
        turn.step(grad, HYPER, None)
        for slot, (module, oracle) in enumerate(zip(modules, oracles, strict=True)):
            _set_gradient(module, grad[slot])
            for name, p in module.named_parameters():
                p.grad = None if step < WAKES[name] else p.grad
            oracle.step()
    flat, state = turn.stacks["one"].flat, turn.stacks["one"].optimizer
    torch.testing.assert_close(flat, _flat(modules), rtol=2e-5, atol=2e-6)
    assert torch.equal(flat[:, -2:], start[:, -2:])
    assert state["own_steps"].tolist() == [[30, 10, 27, 0]] * LANES
    assert state["steps"].tolist() == [[30]] * LANES


@pytest.mark.parametrize("fused", [False, True])
def test_a_block_that_wakes_late_takes_its_first_step_at_the_learning_rate(fused: bool) -> None:
    """Progressive growing of GANs: betas 0 and 0.99, and a block that begins after 62 steps."""
    late = torch.zeros(LANES, SIZE)
    late[:, :12] = 1.0
    first = {}
    for own in (False, True):
        turn = _turn("adam", fused, beta1=0.0, beta2=0.99, learning_rate=1e-3, weight_decay=0.0,
                     steps_per_parameter=own)  # fmt: skip
        for _ in range(62):
            turn.step(late, HYPER, None)
        before = turn.stacks["one"].flat.clone()
        turn.step(torch.ones(LANES, SIZE), HYPER, None)
        first[own] = (before - turn.stacks["one"].flat)[:, 12:] / 1e-3
    torch.testing.assert_close(first[True], torch.ones(LANES, SIZE - 12), rtol=1e-3, atol=0)
    size = math.sqrt((1 - 0.99**63) / (1 - 0.99))
    assert size == pytest.approx(6.8, abs=0.1)
    torch.testing.assert_close(first[False], torch.full((LANES, SIZE - 12), size), rtol=1e-3,
                               atol=0)  # fmt: skip


FACTORS = {
    "constant": lambda p: 1.0,
    "linear": lambda p: 1 - p,
    "cosine": lambda p: (1 + math.cos(math.pi * p)) / 2,
    "warmup_linear": lambda p: p / WARMUP if p < WARMUP else (1 - p) / (1 - WARMUP),
    "warmup_cosine": lambda p: (
        p / WARMUP if p < WARMUP else (1 + math.cos(math.pi * (p - WARMUP) / (1 - WARMUP))) / 2
    ),
}
PROGRESS = (0.0, 0.02, WARMUP, 0.3, 0.5, 0.99, 1.0)


def test_every_schedule_has_its_formula() -> None:
    assert FACTORS.keys() == SCHEDULES.keys()


@pytest.mark.parametrize("schedule", [*FACTORS, "own"])
@both_ways
def test_a_schedule_scales_the_rate_by_its_value_at_the_progress(
    optimizer: str, fused: bool, schedule: str
) -> None:
    def own(progress: Tensor) -> Tensor:
        return torch.where(progress < 0.5, 1.0, (1 - progress) ** 2)

    formula = FACTORS.get(schedule, lambda p: 1.0 if p < 0.5 else (1 - p) ** 2)
    for at in range(0, len(PROGRESS), LANES):
        some = torch.tensor((*PROGRESS, *PROGRESS)[at : at + LANES], dtype=torch.float32)
        hyper = HYPER | {"progress": some}
        scheduled = _turn(optimizer, fused, schedule=own if schedule == "own" else schedule)
        constant, start = _turn(optimizer, fused), scheduled.stacks["one"].flat.clone()
        for turn in (scheduled, constant):
            turn.step(_gradients()[0], hyper, None)
        factors = torch.tensor([formula(p) for p in some.tolist()])[:, None]
        full = constant.stacks["one"].flat - start
        torch.testing.assert_close(
            scheduled.stacks["one"].flat - start, factors * full, rtol=1e-4, atol=1e-6
        )


OWN = {"a power": lambda p: (1 - p) ** 0.9, "a sigmoid": lambda p: torch.sigmoid(5 - 9 * p)}
"""Functions that a CPU's vector units round otherwise than the routine for what fills none."""


@pytest.mark.parametrize("schedule", [*SCHEDULES, *OWN])
def test_a_lanes_factor_does_not_depend_on_the_number_of_lanes(schedule: str) -> None:
    player = Player(_network, schedule=OWN.get(schedule, schedule))
    progress = torch.rand(3000)
    whole = lane_factors(player, {"progress": progress})
    parts = [lane_factors(player, {"progress": part}) for part in progress.split(3)]
    assert whole == (None if schedule == "constant" else [f for part in parts for f in part or ()])


@pytest.mark.parametrize("schedule", [*SCHEDULES, *OWN])
def test_a_lanes_step_does_not_depend_on_the_number_of_lanes(schedule: str) -> None:
    progress, flats = torch.rand(11), []
    for lanes in (11, 5, 2):
        turn = _turn("sgd", lanes=lanes, schedule=OWN.get(schedule, schedule), learning_rate=0.1)
        hyper = {n: v[:1].expand(lanes) for n, v in HYPER.items()} | {"progress": progress[:lanes]}
        turn.stacks["one"].flat.fill_(1.0)
        turn.step(torch.ones(lanes, SIZE), hyper, None)
        flats.append(turn.stacks["one"].flat)
    assert torch.equal(flats[0][:5], flats[1])
    assert torch.equal(flats[0][:2], flats[2])


def test_formulas_and_kernels_agree_with_all_recipes_at_once() -> None:
    options: dict[str, Any] = {
        "schedule": "warmup_cosine", "max_grad_norm": "norm", "weight_bound": "bound",
        "decays": lambda name: "bias" not in name, "steps_per_parameter": True, "eps": 1e-4,
        "ema": "ema",
    }  # fmt: skip
    for optimizer in KERNELS:
        turns = [_turn(optimizer, fused, **options) for fused in (False, True)]
        for step, grad in enumerate(_late_gradients()):
            hyper = HYPER | {"progress": HYPER["progress"] * step / STEPS}
            mask = None if step % 3 else torch.tensor([True, False, True])
            for turn in turns:
                turn.step(grad, hyper, mask)
        formulas, kernels = (turn.stacks["one"].take for turn in turns)
        for slot in range(LANES):
            torch.testing.assert_close(formulas(slot), kernels(slot), rtol=1e-4, atol=1e-6)


def _heavy_ball(params: Any, grad: Any, state: Any, scalars: Any) -> Any:
    velocity = scalars["momentum"] * state["velocity"] - scalars["learning_rate"] * grad
    return params + velocity, {"velocity": velocity}


def test_an_optimiser_of_ones_own_is_one_like_others() -> None:
    """Polyak's heavy ball with its rate within the velocity: torch's SGD at a constant rate."""
    rule = Optimizer("heavy_ball", ("velocity",), ("learning_rate", "momentum"), _heavy_ball)
    own = _turn(rule, momentum=0.9, max_grad_norm="norm")
    known = _turn("sgd", momentum=0.9, weight_decay=0.0, max_grad_norm="norm")
    for grad in _gradients():
        for turn in (own, known):
            turn.step(grad, HYPER, None)
    torch.testing.assert_close(own.stacks["one"].flat, known.stacks["one"].flat)
    assert set(own.stacks["one"].optimizer) == {"velocity", "steps"}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_only_what_an_optimiser_reads_need_be_there(optimizer: str) -> None:
    reads = OPTIMIZERS[optimizer].reads
    named = {name: name if name in reads else "nowhere" for name in ("beta1", "beta2", "momentum")}
    hyper = {n: v for n, v in (HYPER | {"momentum": HYPER["beta1"]}).items() if n in reads}
    turn = _turn(optimizer, **named)
    before = turn.stacks["one"].flat.clone()
    turn.step(_gradients()[0], hyper, None)
    assert (turn.stacks["one"].flat != before).all()
