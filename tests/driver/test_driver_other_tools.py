"""What other tools make of a finished sweep, by the README's own commands."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import numpy as np
import pytest

from infra.aws import free_port
from submitted import NAME
from waiting import until

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
BIN = str(Path(sys.executable).parent)

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow("a job on a stack, and a model server", minutes=1),
]


@contextmanager
def serving(stack: Any, begin: str, ready: str, log: Path) -> Iterator[str]:
    """Run the README's command that begins so, on a port of its own; its address once `ready`."""
    (command,) = re.findall(f"`({re.escape(begin)}[^`]*)`", README)
    argv, port = shlex.split(command.replace("@NAME", f"@{NAME}")), free_port()
    env = stack.env | {"PATH": f"{BIN}:{stack.env['PATH']}"}
    with log.open("w") as said, subprocess.Popen(
        [f"{BIN}/{argv[0]}", *argv[1:], "--host", "127.0.0.1", "--port", str(port)], env=env,
        stdout=said, stderr=said, cwd=stack.home.parent, start_new_session=True,
    ) as server:  # fmt: skip
        address, first = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}{ready}"
        try:
            until(lambda: server.poll() is not None or ask(first) is not None, 60, log.read_text)
            assert server.poll() is None, log.read_text()
            yield address
        finally:
            if server.poll() is None:
                os.killpg(server.pid, signal.SIGTERM)


def ask(address: str, body: Any = None) -> Any:
    """The JSON that an address answers; None while nothing listens there."""
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(address, data, {"Content-Type": "application/json"})) as answer:
            text = answer.read().decode()
            return json.loads(text) if text.startswith(("{", "[")) else text
    except URLError:
        return None


def test_mlflow_serves_the_best_model(stack: Any, output: str, tmp_path: Path) -> None:
    """A request is answered with images, and the same seed with the same ones."""
    log = tmp_path / "log"
    rows = {"dataframe_records": [{"n": 4, "seed": 1}, {"n": 2, "seed": 1, "truncation": 0.1}]}
    with serving(stack, "mlflow models serve", "/version", log) as server:
        first = ask(f"{server}/invocations", rows)
        images = np.array(first["predictions"])
        assert images.shape == (6, 1, 8, 8)
        assert np.abs(images).max() <= 1
        assert images[4:].std(0).mean() < images[:4].std(0).mean()
        assert ask(f"{server}/invocations", rows) == first


def test_optunas_dashboard_opens_the_study(stack: Any, output: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serving(stack, "optuna-dashboard", "/api/studies", log) as server:
        every = ask(f"{server}/api/studies")
        found = {one["study_name"]: one["study_id"] for one in every["study_summaries"]}
        trials = ask(f"{server}/api/studies/{found[NAME]}?after=0")["trials"]
    assert len(trials) >= 10
    completed = [trial for trial in trials if trial["state"] == "Complete"]
    assert completed
    assert all(trial["values"] for trial in completed)
    assert {"learning_rate", "latent_size"} <= {one["name"] for one in completed[0]["params"]}
