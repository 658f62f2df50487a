"""`down` leaves nothing of ours, and nothing else is touched."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from gensweep.stack import Home, down, status, up

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def test_down_stops_ours_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    home = Home(tmp_path / ".gensweep")
    try:
        up(home, store="files")
        found = status(home)
        assert found["healthy"]
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
