"""A PostgreSQL server of one's own."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """The folder of PostgreSQL's programs."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    return max((f.parent for f in Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)


@contextmanager
def server(found: Path, *, durable: bool) -> Iterator[str]:
    """The URL of a database of its own; `durable`: what it confirms outlives the machine."""
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))  # it refuses to run as root
    user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def do(*command: str) -> None:
        subprocess.run([*user, str(found / command[0]), *command[1:]], check=True, cwd=folder,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # fmt: skip

    data, quick = str(folder / "data"), "" if durable else " -F"
    do("initdb", "-D", data, "-A", "trust", "-U", "gensweep", "-N")
    do("pg_ctl", "-D", data, "-w", "-l", f"{data}/log", "-o",
       f"-h 127.0.0.1 -p {port} -k {folder}{quick}", "start")  # fmt: skip
    try:
        yield f"postgresql+psycopg://gensweep@127.0.0.1:{port}/postgres"
    finally:
        do("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
