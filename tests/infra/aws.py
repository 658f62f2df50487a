"""An AWS API on 127.0.0.1 for as long as a test needs it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SERVER = Path(__file__).with_name("moto_server.py")
KEYS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "not-shown-4711",
    "AWS_REGION": "eu-central-1",
}


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def server(log: Path) -> Iterator[str]:
    """A moto server in a process of its own; its address."""
    port = free_port()
    argv = [sys.executable, str(SERVER), "-H", "127.0.0.1", "-p", str(port)]
    env = os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with log.open("w") as out, subprocess.Popen(argv, env=env, stdout=out, stderr=out) as process:
        try:
            deadline = time.monotonic() + 60
            while not answers(port):
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, f"no answer on port {port} within 60 s"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
