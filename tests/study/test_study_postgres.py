"""Two drivers on one PostgreSQL, of a server that the test starts."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy

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
sys.path[:0] = [{platform!r}, {tests!r}]
from test_study_postgres import reopen
with reopen({storage!r}, resume={resume}) as study:
    print("open", flush=True)
    sys.stdin.read()
"""


def programs() -> Path | None:
    """The folder of PostgreSQL's programs."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max((f.parent for f in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a database of its own; the server refuses to run as root."""
    found = programs()
    assert found is not None, (
        "no initdb on PATH or in /usr/lib/postgresql: `make postgres` brings it"
    )
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # pytest's own are for one user alone
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def do(*command: str) -> None:
        subprocess.run([*user, str(found / command[0]), *command[1:]], check=True, cwd=folder,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip

    data = str(folder / "data")
    do("initdb", "-D", data, "-A", "trust", "-U", "gensweep", "-N")
    do("pg_ctl", "-D", data, "-w", "-l", f"{data}/log", "-o",
       f"-h 127.0.0.1 -p {port} -k {folder} -F", "start")  # fmt: skip
    yield f"postgresql+psycopg://gensweep@127.0.0.1:{port}/postgres"
    do("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def storage(server: str) -> Iterator[str]:
    """As `server`, emptied afterwards."""
    yield server
    engine = sqlalchemy.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE; CREATE SCHEMA public"))
    engine.dispose()


def start(storage: str, resume: bool) -> "subprocess.Popen[str]":
    code = DRIVER.format(platform=str(ROOT / "platform"), tests=str(Path(__file__).parent),
                         storage=storage, resume=resume)  # fmt: skip
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
