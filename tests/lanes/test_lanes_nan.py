"""A lane that diverges leaves the others as they are, and says why."""

from typing import Any

import pytest
import torch


@pytest.mark.parametrize("poison", ["learning rate", "weights"])
def test_nan_stays_in_its_lane(bench: Any, model: str, poison: str, bitwise: Any) -> None:
    configs = bench.configs(model, 3)
    pack = bench.filled(model, configs)
    pack.run(8)
    expected = [pack.take(slot) for slot in (0, 2)]
    if poison == "learning rate":
        configs[1] = bench.config(model, learning_rate=1e30)
    pack = bench.filled(model, configs)
    if poison == "weights":
        for stack in pack.stacks.values():
            stack.flat[1] = torch.nan
    progress = pack.run(8)
    bitwise(pack.take(0), expected[0])
    bitwise(pack.take(2), expected[1])
    assert progress[0].cause is None
    assert progress[2].cause is None
    assert progress[1].cause is not None
    assert "_loss was " in progress[1].cause or "the weights of " in progress[1].cause


def test_a_diverged_slot_starts_afresh(bench: Any, model: str, bitwise: Any) -> None:
    configs = bench.configs(model, 2)
    pack = bench.filled(model, configs)
    pack.run(5)
    expected = pack.take(1)
    pack = bench.filled(model, [configs[0], bench.config(model, learning_rate=1e30)])
    pack.run(8)
    bench.load(pack, 1, configs[1], 1)
    pack.run(5)
    bitwise(pack.take(1), expected)
