"""What a lane tells of its training does not depend on when it is asked."""

import json
from typing import Any

import torch

from gensweep.lanes import LaneState
from gensweep.lanes._means import Means


def test_means_are_those_of_all_values_in_whatever_pieces() -> None:
    values = torch.randn(1000) * 10 ** torch.linspace(-4, 4, 1000)
    whole, pieces = Means(), Means()
    whole.add("x", values)
    for piece in values.split(7):
        pieces.add("x", piece)
        pieces = Means(json.loads(json.dumps(pieces.to_json())))
    assert whole.averages() == pieces.averages()
    assert abs(whole.averages()["x"] - float(values.double().mean())) < 1e-9
    whole.clear()
    assert whole.averages() == {}


def test_progress_is_the_same_however_often_it_is_told(factory: Any) -> None:
    """Also of a lane that moved to another pack in between."""
    configs = [factory.config("gan", critic_iterations=n, learning_rate=1e-3) for n in (1, 2, 3)]
    told = []
    for parts in ([12], [1] * 12, [5, 4, 3]):
        pack = factory.filled("gan", configs)
        for part in parts:
            progress = pack.run(part)
            state = LaneState.from_bytes(pack.take(0).to_bytes())
            pack.put(0, state)
        told.append([(p.ticks, p.images_seen, p.metrics) for p in progress.values()])
    assert told[0] == told[1] == told[2]


def test_a_lane_that_diverged_tells_when_and_not_when_it_was_seen(factory: Any) -> None:
    told = []
    for parts in ([40], [1] * 40):
        pack = factory.filled("gan", [factory.config("gan", learning_rate=1e30)] * 2)
        for part in parts:
            progress = pack.run(part)[0]
            if progress.cause:
                break
        told.append((progress.ticks, progress.images_seen, progress.cause))
    assert told[0] == told[1]
    assert told[0][2]
