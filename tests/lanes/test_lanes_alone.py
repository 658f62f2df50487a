"""A lane is its trial: alone or among others, in whichever slot, whenever started."""

from typing import Any

import pytest
import torch

OPTIMIZERS = ("sgd", "rmsprop", "adam", "adamw")
GAN_OBJECTIVES = (
    "minimax", "non_saturating", "wasserstein", "wasserstein_gp", "hinge", "relativistic",
)  # fmt: skip
TICKS = 10


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_lane_equals_the_trial_alone(
    factory: Any, model: str, optimizer: str, close: Any
) -> None:
    # the first steps of RMSProp are ten times the learning rate in every weight
    rate = 1e-5 if optimizer == "rmsprop" else 3e-4
    configs = factory.configs(model, 3, rate=rate)
    together = factory.filled(model, configs, optimizer=optimizer, trace=False)
    start = together.take(2)
    together.run(TICKS)
    alone = factory.reused(model, configs[2], optimizer=optimizer, width=1, trace=False)
    factory.load(alone, 0, configs[2], 2)
    alone.run(TICKS)
    close(together.take(2), alone.take(0))
    name = f"{next(iter(alone.stacks))}/parameters"
    assert not torch.equal(alone.take(0).tensors[name], start.tensors[name])


RECIPE: dict[str, Any] = {
    "schedule": "warmup_cosine",
    "max_grad_norm": 0.1,
    "weight_bound": 0.5,
    "weight_decay": 0.1,
    "decays": lambda name: name.endswith("weight"),
    "steps_per_parameter": True,
}
"""All that a player may say of how it learns, at once."""


@pytest.mark.parametrize("optimizer", ["adam", "adamax", "lion", "optimistic_adam"])
def test_a_lane_of_every_recipe_is_its_trial(factory: Any, optimizer: str, bitwise: Any) -> None:
    """Whatever its neighbours and its slot are, and after it has left and come back."""
    mine, *others = factory.configs("gan", 4)
    options = {"recipe": RECIPE | {"optimizer": optimizer}}
    pack = factory.filled("gan", [mine, *others[:2]], **options)
    pack.run(TICKS)
    expected = pack.take(0)
    pack = factory.filled("gan", [others[2], others[0], mine], **options)
    factory.load(pack, 2, mine, 0)
    pack.run(4)
    halfway = pack.take(2)
    pack.drop(2)
    pack.run(1)
    pack.put(0, halfway)
    pack.run(TICKS - 4)
    bitwise(pack.take(0), expected)
    assert "critic/optimizer.own_steps" in expected.tensors


@pytest.mark.parametrize("objective", GAN_OBJECTIVES)
def test_every_objective_trains_as_alone(factory: Any, objective: str, close: Any) -> None:
    configs = factory.configs("gan", 2, objective=objective)
    together = factory.filled("gan", configs)
    together.run(TICKS)
    alone = factory.reused("gan", configs[1], width=1, trace=False)
    factory.load(alone, 0, configs[1], 1)
    alone.run(TICKS)
    close(together.take(1), alone.take(0))


def test_neighbours_do_not_matter(factory: Any, variant: str, bitwise: Any, acted: Any) -> None:
    mine, *others = factory.configs(variant, 5)
    states = []
    for neighbours in (others[:2], others[2:], []):
        pack = factory.filled(variant, [mine, *neighbours])
        pack.run(TICKS)
        states.append(pack.take(0))
    bitwise(states[0], states[1])
    bitwise(states[0], states[2])
    acted(states[0])


def test_the_slot_does_not_matter(factory: Any, variant: str, bitwise: Any, acted: Any) -> None:
    mine, *others = factory.configs(variant, 3)
    states = []
    for slot in range(3):
        pack = factory.reused(variant, mine)
        neighbours = iter(others)
        for s in range(3):
            seed = 9 if s == slot else s
            factory.load(pack, s, mine if s == slot else next(neighbours), seed)
        pack.run(TICKS)
        states.append(pack.take(slot))
    bitwise(states[0], states[1])
    bitwise(states[0], states[2])
    acted(states[0])


def test_the_time_of_the_start_does_not_matter(
    factory: Any, variant: str, bitwise: Any, acted: Any
) -> None:
    configs = factory.configs(variant, 3)
    pack = factory.filled(variant, configs)
    pack.run(TICKS)
    early = pack.take(0)
    pack = factory.reused(variant, configs[0])
    for slot in (0, 1):
        factory.load(pack, slot, configs[slot], 5 + slot)
    pack.run(7)
    pack.drop(1)
    factory.load(pack, 2, configs[0], 0)
    pack.run(TICKS)
    bitwise(pack.take(2), early)
    acted(early)


def test_replayed_traces_equal_the_plain_code(factory: Any, model: str, close: Any) -> None:
    configs, states = factory.configs(model, 3), []
    for options in ({}, {"trace": False}):
        pack = factory.filled(model, configs, **options)
        pack.run(TICKS)
        states.append([pack.take(slot) for slot in range(3)])
    for traced, plain in zip(*states, strict=True):
        close(traced, plain)


def test_ticks_may_be_drawn_one_by_one(factory: Any, model: str, bitwise: Any) -> None:
    configs, states = factory.configs(model, 3), []
    for parts in ([TICKS], [1] * TICKS):
        pack = factory.filled(model, configs)
        for part in parts:
            pack.run(part)
        states.append([pack.take(slot) for slot in range(3)])
    for once, stepwise in zip(*states, strict=True):
        bitwise(once, stepwise)
