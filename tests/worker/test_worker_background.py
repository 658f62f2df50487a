"""Work that is done later is done whatever fails, and what failed is told."""

import pytest

from gensweep.worker._background import BackgroundQueue


def fail() -> None:
    raise OSError("the store is full")


def test_what_follows_an_error_is_done_all_the_same() -> None:
    later, done = BackgroundQueue(threads=1, backlog=2), []
    later._jobs.append(later._pool.submit(fail))
    later._jobs.append(later._pool.submit(done.append, 1))
    with pytest.raises(OSError, match="the store is full"):
        later.wait()
    assert done == [1]
    later.wait()
