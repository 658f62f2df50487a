"""Two drivers on one PostgreSQL, of a server that the test starts."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy

from benchmarks.scale import postgres
from gensweep.errors import UserError
from gensweep.study import Study

ROOT = Path(__file__).resolve().parents[2]
SPEC = {"objective": {"metric": "fid", "direction": "minimize"}, "budget_images": 100}


@dataclass(frozen=True)
class Real:
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    when: None = None
    kind: str = "real"


def reopen(storage: str, *, name: str = "s", resume: bool = True) -> Study:
    return Study.create_or_open(
        name, {"x": Real()}, storage=storage, spec=SPEC, trials=10, resume=resume
    )


# Drives sweep `s` until its input ends.
DRIVER = """
import sys
sys.path[:0] = {paths!r}
from test_study_postgres import reopen
with reopen({storage!r}, resume={resume}) as study:
    print("open", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a database of its own."""
    found = postgres.programs()
    assert found is not None, (
        "no initdb on PATH or in /usr/lib/postgresql: `make postgres` brings it"
    )
    with postgres.server(found, durable=False) as url:
        yield url


@pytest.fixture
def storage(server: str) -> Iterator[str]:
    """As `server`, emptied afterwards."""
    yield server
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    engine.dispose()


def start(storage: str, resume: bool) -> "subprocess.Popen[str]":
    paths = [str(ROOT / "platform"), str(ROOT / "tests"), str(Path(__file__).parent)]
    code = DRIVER.format(paths=paths, storage=storage, resume=resume)
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "open\n"
    return process


@pytest.mark.parametrize("killed", [True, False])
def test_a_second_driver_is_refused_while_the_first_lives(storage: str, killed: bool) -> None:
    first = start(storage, resume=False)
    try:
        with pytest.raises(UserError, match=f"run by process {first.pid} on .*stop it first"):
            reopen(storage)
        if killed:
            first.send_signal(signal.SIGKILL)
    finally:
        first.communicate()
    with reopen(storage) as study:
        assert len(study.lease("a", 2)) == 2
        with pytest.raises(UserError, match=f"process {os.getpid()} on"):
            reopen(storage)
    reopen(storage).close()


def test_other_sweeps_of_the_database_are_free(storage: str) -> None:
    with reopen(storage, resume=False):
        reopen(storage, name="other", resume=False).close()
