"""What a lane tells of its training does not depend on when it is asked."""

import json
from typing import Any

import pytest
import torch

from gensweep.lanes import CURVE_PARTS, LaneState
from gensweep.lanes._curve import Curve
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


@pytest.mark.parametrize("explodes", [False, True])
def test_a_learning_curve_has_the_same_points_whatever_the_segments(
    factory: Any, monkeypatch: pytest.MonkeyPatch, explodes: bool
) -> None:
    """At fixed ticks, also of a lane that moved, and up to the loss that was bad."""
    monkeypatch.setattr(factory, "budget", 1600)
    configs = [factory.config("gan", critic_iterations=n, learning_rate=1e-3) for n in (1, 3)]
    told = []
    for parts in ([70, 60], [1] * 130, [60, 3, 7, 60]):
        pack, points = factory.filled("gan", configs), {0: [], 1: []}
        total = pack.lane(0).total_ticks
        for part in parts:
            for slot, progress in pack.run(part).items():
                points[slot] += progress.points
                if progress.cause:
                    pack.drop(slot)
            if 0 in pack.occupied:
                pack.put(0, LaneState.from_bytes(pack.take(0).to_bytes()))
                if explodes and pack.lane(0).ticks == 70:
                    pack.stacks["critic"].flat[0] = 1e30
        told.append(points)
    assert told[0] == told[1] == told[2]
    ends = [-(-total * part // CURVE_PARTS) for part in range(1, CURVE_PARTS + 1)]
    last = {0: 70 if explodes else 130, 1: 130}
    for slot, found in told[0].items():
        cut = [70] if slot == 0 and explodes else []
        expected = sorted({end for end in ends if end <= last[slot]} | set(cut))
        assert [point.ticks for point in found] == expected
        assert all({"critic_loss", "generator_loss"} <= set(p.metrics) for p in found[:9])
    assert total > 130


def test_a_point_is_the_mean_since_the_point_before() -> None:
    curve, values = Curve(100), torch.arange(1.0, 101.0)
    series = {"loss": (list(range(1, 101)), values), "rare": ([3, 4], values[2:4])}
    points = curve.add(series, 0, 100)
    assert [point.ticks for point in points] == list(range(2, 101, 2))
    assert points[1].metrics == {"loss": 3.5, "rare": 3.5}
    assert points[2].metrics == {"loss": 5.5}
    assert [p.ticks for p in Curve(7).add(series, 0, 7)] == list(range(1, 8))
