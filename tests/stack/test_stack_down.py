"""`demo` of a wheel brings a second stack up; `down` stops that, and nothing else is touched."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from distribution import build, install
from gensweep.home import Home
from gensweep.stack import down, status

WHY = "a wheel's demo starts a second stack"
pytestmark = [pytest.mark.stack, pytest.mark.slow(WHY, minutes=1.5)]
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


# Five trials are one of each objective; none converges.
SMALL = shlex.split("--trials 5 --budget-images 640 --samples 100 --packs 1 --name demo")


def demonstrate(env: dict[str, str], folder: Path) -> str:
    """What `gensweep demo` of an installed wheel prints, in a folder that is no checkout."""
    folder.mkdir()
    program = Path(env["PYTHONPATH"]) / "bin" / "gensweep"
    argv = [sys.executable, str(program), "demo", "--store", "files", *SMALL]
    done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, timeout=600,
                          check=False)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_a_wheels_demo_runs_and_down_stops_its_stack_alone(
    stack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    env = install(build("wheel", tmp_path), tmp_path / "site")
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    home = Home(tmp_path / "away" / ".gensweep")
    try:
        said = demonstrate(env | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")},
                           tmp_path / "away")  # fmt: skip
        report = home.path / "reports" / "demo.html"
        assert re.search(f"^report +{report}$", said, re.M)
        assert "5 trials" in report.read_text()
        assert re.search(r"^compare +http://127.0.0.1:\d+/#/experiments/", said, re.M)
        assert said.endswith(f"in {home.project}: `gensweep down` there stops them\n")
        assert str(tmp_path / "site") in said  # the line to type next names the wheel's script
        found = status(home)
        assert found["healthy"]
        assert joined(stack) == stack.env["RAY_ADDRESS"]
        assert sorted(found["services"]) == ["mlflow", "ray", "resumer"]
        pids = {pid for service in found["services"].values() for pid in service["pids"]}
        assert pids <= set(down(home))
        assert not [pid for pid in pids if psutil.pid_exists(pid)]
        assert bystander.poll() is None
        assert down(home) == []
    finally:
        down(home)
        bystander.terminate()
        bystander.wait()
