"""A process leaves its cluster without a word of Ray's after its own last one."""

import os
import sys

import pytest
import ray

from gensweep.cluster import disconnect


@pytest.mark.parametrize("error", [RuntimeError("the head has gone"), KeyboardInterrupt()])
def test_whatever_happens_at_the_end_the_last_words_are_told(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        os.write(2, b"task_manager.cc: Failed to push error to driver\n")
        raise error

    monkeypatch.setattr(ray, "shutdown", fail)
    disconnect()
    print("go on with this", file=sys.stderr)
    assert capfd.readouterr().err == "go on with this\n"
