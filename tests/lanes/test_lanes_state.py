"""A lane leaves its pack as bytes and goes on elsewhere as if it had stayed."""

from typing import Any

import pytest
import torch

from gensweep.errors import UserError
from gensweep.lanes import LaneState

TICKS = 6


def _halfway(factory: Any, model: str) -> tuple[bytes, LaneState]:
    """Lane 0 as bytes after some ticks, and where it got after as many again."""
    pack = factory.filled(model, factory.configs(model, 3))
    pack.run(TICKS)
    data = pack.take(0).to_bytes()
    pack.run(TICKS)
    return data, pack.take(0)


def test_bytes_hold_everything(factory: Any, model: str, bitwise: Any) -> None:
    pack = factory.filled(model, factory.configs(model, 1))
    pack.run(3)
    state = pack.take(0)
    bitwise(LaneState.from_bytes(state.to_bytes()), state)


def test_another_slot_of_another_pack_continues_bitwise(
    factory: Any, variant: str, bitwise: Any
) -> None:
    data, expected = _halfway(factory, variant)
    configs = factory.configs(variant, 3)
    other = factory.filled(variant, configs[1:])
    other.run(2)
    other.put(2, LaneState.from_bytes(data))
    other.run(TICKS)
    bitwise(other.take(2), expected)


def test_a_pack_of_one_continues(factory: Any, model: str, close: Any) -> None:
    data, expected = _halfway(factory, model)
    alone = factory.reused(model, factory.config(model), width=1, trace=False)
    alone.put(0, LaneState.from_bytes(data))
    alone.run(TICKS)
    close(alone.take(0), expected)
    assert alone.lane(0).ticks == 2 * TICKS


def test_samples_survive_the_move(factory: Any, model: str) -> None:
    pack = factory.filled(model, factory.configs(model, 2))
    pack.run(3)
    given = {"y": torch.arange(4) % 3}
    before, state = pack.sample(4, given=given), pack.take(1)
    pack.put(2, state)
    assert torch.equal(pack.sample(4, slots=[0, 2], given=given), before)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"hidden": 24}, "hidden=16 does not fit a pack of hidden=24"),
        ({"optimizer": "rmsprop"}, "optimizer='adam' does not fit"),
        ({"objective": "hinge"}, "objective='non_saturating' does not fit"),
        ({"batch_size": 4}, "batch_size=8 does not fit"),
    ],
)
def test_another_signature_is_refused(factory: Any, values: Any, told: str, bitwise: Any) -> None:
    pack = factory.filled("gan", factory.configs("gan", 1))
    state = pack.take(0)
    other_config = factory.config("gan", **values)
    other = factory.filled("gan", [other_config], trace=False)
    before = other.take(0)
    with pytest.raises(UserError, match=told):
        other.put(0, state)
    bitwise(other.take(0), before)


def test_torn_state_is_refused_and_changes_nothing(factory: Any, bitwise: Any) -> None:
    pack = factory.filled("gan", factory.configs("gan", 1))
    before = pack.take(0)
    torn = {n: t for n, t in before.tensors.items() if n != "generator/optimizer.mean"}
    pack.run(1)
    now = pack.take(0)
    with pytest.raises(UserError, match="another architecture or optimiser"):
        pack.put(0, LaneState(torn, before.meta))
    bitwise(pack.take(0), now)


def test_a_larger_latent_than_the_packs_is_refused(factory: Any) -> None:
    pack = factory.reused("gan", factory.config("gan"))
    with pytest.raises(UserError, match="latent_size=7 exceeds the pack's 6"):
        factory.load(pack, 0, factory.config("gan", latent_size=7), 0)
    assert pack.occupied == []
