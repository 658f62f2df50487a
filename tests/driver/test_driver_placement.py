"""What the watch over packs' places forgives, and for how long."""

import time

from gensweep.driver import Moves
from gensweep.driver._placement import DYING_S


def test_each_pack_that_was_moved_excuses_one_death() -> None:
    moves = Moves()
    assert not moves.excuse()
    moves.ended.extend([time.monotonic()] * 2)
    assert [moves.excuse() for _ in range(3)] == [True, True, False]


def test_an_excuse_that_was_not_needed_is_for_no_later_death() -> None:
    moves = Moves()
    moves.ended.append(time.monotonic() - DYING_S - 1)
    assert not moves.excuse()
    moves.ended.extend([time.monotonic() - DYING_S - 1, time.monotonic()])
    assert [moves.excuse(), moves.excuse()] == [True, False]
