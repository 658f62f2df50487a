"""What the watch over packs' places forgives, and for how long."""

import time

from gensweep.driver._placement import DYING_S, PlacementRetries


def test_each_pack_that_was_moved_excuses_one_death() -> None:
    retries = PlacementRetries()
    assert not retries.consume()
    retries.ended.extend([time.monotonic()] * 2)
    assert [retries.consume() for _ in range(3)] == [True, True, False]


def test_an_excuse_that_was_not_needed_is_for_no_later_death() -> None:
    retries = PlacementRetries()
    retries.ended.append(time.monotonic() - DYING_S - 1)
    assert not retries.consume()
    retries.ended.extend([time.monotonic() - DYING_S - 1, time.monotonic()])
    assert [retries.consume(), retries.consume()] == [True, False]
