"""Which lanes a turn is computed for."""

from typing import Any


def test_lanes_that_rest_take_no_step(factory: Any, bitwise: Any) -> None:
    configs = [factory.config("gan", critic_iterations=n, learning_rate=1e-3) for n in (1, 2, 3, 1)]
    for sparse in (True, False):
        pack = factory.pack("gan", configs[0], width=4)
        pack.sparse = sparse
        for slot, config in enumerate(configs):
            factory.load(pack, slot, config, slot)
        before_progress = pack.run(3)
        before = [pack.take(slot) for slot in range(4)]
        progress = pack.run(5, resting=[1, 2])
        assert [one.ticks for one in progress.values()] == [8, 3, 3, 8]
        for slot in (1, 2):
            bitwise(pack.take(slot), before[slot])
        assert progress[1].metrics == before_progress[1].metrics
        assert pack.run(5, resting=range(4))[0].ticks == 8


def test_lanes_without_a_trial_are_not_computed(factory: Any, bitwise: Any) -> None:
    """On a GPU, where others are masked, too."""
    configs = [factory.config("gan", critic_iterations=n, learning_rate=1e-3) for n in (1, 2, 3)]
    packs = [factory.pack("gan", configs[0], width=width) for width in (3, 9)]
    packs[1].sparse = False
    for pack in packs:
        for slot, config in enumerate(configs):
            factory.load(pack, slot, config, slot)
        pack.run(12)
    assert packs[1].turns_computed == 2 * 3 * 12
    assert packs[0].turns_computed == 3 * 12 + (12 + 6 + 4) + 4  # at least two lanes
    for slot in range(3):
        bitwise(packs[0].take(slot), packs[1].take(slot))
