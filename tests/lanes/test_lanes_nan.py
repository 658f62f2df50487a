"""A lane that diverges leaves the others as they are, and says why."""

from typing import Any

import pytest
import torch

TICKS = 8
POISONS = {"learning rate": TICKS, "weights": 0, "weights later": 6}
"""Name to the tick after which the weights are NaN; past 5 a second stage runs."""

MORE = pytest.mark.slow("weights are poisoned by hand", minutes=0.1)


@pytest.mark.parametrize(
    "poison", ["learning rate", *(pytest.param(p, marks=MORE) for p in POISONS if "weights" in p)]
)
def test_nan_stays_in_its_lane(
    factory: Any, variant: str, poison: str, bitwise: Any, acted: Any
) -> None:
    configs = factory.configs(variant, 3)
    pack = factory.filled(variant, configs)
    pack.run(TICKS)
    expected = [pack.take(slot) for slot in (0, 2)]
    if poison == "learning rate":
        configs[1] = factory.config(variant, learning_rate=1e30)
    pack = factory.filled(variant, configs)
    progress = pack.run(POISONS[poison])
    if poison != "learning rate":
        for stack in pack.stacks.values():
            stack.flat[1] = torch.nan
        progress = pack.run(TICKS - POISONS[poison])
    for slot, known in zip((0, 2), expected, strict=True):
        bitwise(pack.take(slot), known)
        acted(known)
    assert progress[0].cause is None
    assert progress[2].cause is None
    assert progress[1].cause is not None
    assert "_loss was " in progress[1].cause or "the weights of " in progress[1].cause


def test_a_diverged_slot_starts_afresh(
    factory: Any, variant: str, bitwise: Any, acted: Any
) -> None:
    configs = factory.configs(variant, 2)
    pack = factory.filled(variant, configs)
    pack.run(TICKS)
    expected = pack.take(1)
    pack = factory.filled(variant, [configs[0], factory.config(variant, learning_rate=1e30)])
    assert pack.run(TICKS)[1].cause is not None
    factory.load(pack, 1, configs[1], 1)
    pack.run(TICKS)
    bitwise(pack.take(1), expected)
    acted(expected)
