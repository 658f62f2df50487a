"""`down` leaves nothing of ours, and nothing else is touched; two stacks live side by side."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from gensweep.home import Home
from gensweep.stack import down, status, up

pytestmark = [pytest.mark.stack, pytest.mark.slow("starts a second stack", minutes=0.8)]
JOINED = "import ray; ray.init(); print('joined', ray.get_runtime_context().gcs_address)"


def joined(stack: Any) -> str:
    """The cluster that a job of the stack joins."""
    ray = Path(sys.executable).with_name("ray")
    done = subprocess.run(
        [str(ray), "job", "submit", "--", sys.executable, "-c", JOINED],
        env=stack.env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    return next(x.split()[1] for x in done.stdout.splitlines() if x.startswith("joined"))


def test_down_stops_ours_alone(stack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    home = Home(tmp_path / ".gensweep")
    try:
        up(home, store="files")
        found = status(home)
        assert found["healthy"]
        assert joined(stack) == stack.env["RAY_ADDRESS"]
        assert sorted(found["services"]) == ["mlflow", "ray"]
        pids = {pid for service in found["services"].values() for pid in service["pids"]}
        assert pids <= set(down(home))
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        assert bystander.poll() is None
        assert down(home) == []
    finally:
        down(home)
        bystander.terminate()
        bystander.wait()
