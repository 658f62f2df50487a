"""Shared fixtures: an embedded stack of the test session's own, and an S3 server in memory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import torch
from moto.server import ThreadedMotoServer
from playwright.sync_api import Page

from browser import open_page
from forks import Forks
from slowest import (  # noqa: F401
    ON_THE_STACK,
    pytest_collection_modifyitems,
    pytest_runtest_logreport,
    pytest_terminal_summary,
)
from together import pytest_xdist_make_scheduler  # noqa: F401

ROOT = Path(__file__).parents[1]
ROOTS = [str(ROOT / name) for name in ("platform", "models")]
S3_KEYS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "not-shown-4711",
    "AWS_REGION": "us-east-1",
}


if "PYTEST_XDIST_WORKER" in os.environ:  # the test processes share the cores
    torch.set_num_threads(1)
    os.environ["OMP_WAIT_POLICY"] = "passive"  # of the sweeps, whose threads would spin


@pytest.fixture(scope="session", autouse=True)
def _caches(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a test measures of the machine stays out of the user's folder of caches."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("caches")))
        yield


@dataclass(frozen=True)
class Stack:
    home: Path
    env: dict[str, str]
    run: Callable[..., "subprocess.CompletedProcess[str]"]

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.run("status", "--json").stdout)
        return found


_RUNNING: list[Callable[[], object]] = []
"""What stops the stack of this process, while there is one."""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop the stack before the first file that does not use it: no later one does.

    A stack that idles takes a fifth of a core.
    """
    if _RUNNING and item.path not in ON_THE_STACK:
        _RUNNING.pop()()


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running stack in a temporary checkout, with ports and a token of its own."""
    home = tmp_path_factory.mktemp("stack") / ".gensweep"
    for name in ("sweeps", ".gitignore"):
        (home.parent / name).symlink_to(ROOT / name)
    mine = {
        "GENSWEEP_HOME": str(home),
        # Beside the folder that jobs upload.
        "RAY_AUTH_TOKEN_PATH": str(tmp_path_factory.mktemp("ray") / "token"),
        "PYTHONPATH": os.pathsep.join(ROOTS),
    }
    foreign = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_")
    base = {k: v for k, v in os.environ.items() if not k.startswith(foreign)} | mine

    def run(*args: str) -> "subprocess.CompletedProcess[str]":
        code = "import sys; from gensweep.cli import main; sys.exit(main())"
        return subprocess.run(
            [sys.executable, "-c", code, *args],
            env=base,
            cwd=home.parent,
            capture_output=True,
            text=True,
            timeout=600,  # stacks of other processes come up first
            check=False,
        )

    try:
        done = run("up")
        assert done.returncode == 0, done.stderr
        _RUNNING.append(lambda: run("down"))
        from gensweep.home import Home
        from gensweep.stack_env import load_env

        yield Stack(home, base | load_env(Home(home)), run)
    finally:
        _RUNNING.clear()
        run("down")


@pytest.fixture(scope="session")
def scripts() -> Iterator[Forks]:
    """Runs scripts of this checkout, wherever the installed package is."""
    known = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RAY_"))}
    forks = Forks(known | {"PYTHONPATH": os.pathsep.join(ROOTS)})
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def stack_scripts(stack: Stack) -> Iterator[Forks]:
    """Runs scripts in the environment of the stack."""
    forks = Forks(stack.env)
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def moto_s3(moto_endpoint: str) -> Any:
    """A client of the S3 server in memory; to make one takes longer than most tests last."""
    return boto3.session.Session(
        S3_KEYS["AWS_ACCESS_KEY_ID"], S3_KEYS["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1"
    ).client("s3", endpoint_url=moto_endpoint)


@pytest.fixture
def bucket(moto_endpoint: str, moto_s3: Any, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a new bucket; the environment leads to its server."""
    for name, value in {**S3_KEYS, "AWS_ENDPOINT_URL": moto_endpoint}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    name = f"bucket-{os.urandom(6).hex()}"
    moto_s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A page of a real browser, of which the end is kept as a picture."""
    with open_page() as opened:
        yield opened
        opened.screenshot(path=tmp_path / "last.png")
