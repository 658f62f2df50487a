"""Why the process that decides has ended, as Ray tells it and as the user reads it."""

import pytest

from gensweep.coordinator import RemoteCoordinator

RAY = "The actor died because of an error raised in its creation task, \x1b[36mray::C.__init__()"


@pytest.mark.parametrize(("error", "line"), [
    ("gensweep.errors.UserError: sweep 's' exists: choose another name.",
     "sweep 's' exists: choose another name."),
    ("gensweep.study.journal._sweep_lock.DrivenAlreadyError: sweep 's' is already being run.",
     "sweep 's' is already being run."),
    ("gensweep.errors.ServerAwayError: cannot use the ledger x: check the URL.",
     "cannot use the ledger x: check the URL."),
    ("MemoryError: no room", "the process that decides has ended (MemoryError: no room): see "
     "Ray's logs, then --resume s."),
])  # fmt: skip
def test_an_error_of_ours_is_told_as_its_line(error: str, line: str) -> None:
    told = f'{RAY}\n  File "gensweep/study.py", line 3, in open\n    raise it\n{error}'
    assert str(RemoteCoordinator(None, "s")._lost(told)) == line
