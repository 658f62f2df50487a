"""`demo` of a wheel brings a second stack up; `down` stops that, and nothing else is touched."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from distribution import build, install, make_environment, own_variables
from gensweep.home import Home
from gensweep.stack import down, status
from gensweep.versions import VERSION

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


def demonstrate(program: list[str], env: dict[str, str], folder: Path, *options: str) -> str:
    """What `gensweep demo` of an installed wheel prints, in a folder that is no checkout."""
    folder.mkdir()
    argv = [*program, "demo", *options, *SMALL]
    done = subprocess.run(argv, env=env, cwd=folder, capture_output=True, text=True, timeout=600,
                          check=False)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout


def test_a_wheels_demo_runs_and_down_stops_its_stack_alone(
    stack: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    env = install(build("wheel", tmp_path), tmp_path / "site")
    program = [sys.executable, str(tmp_path / "site" / "bin" / "gensweep")]
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    home = Home(tmp_path / "away" / ".gensweep")
    try:
        said = demonstrate(program, env | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")},
                           tmp_path / "away", "--store", "files")  # fmt: skip
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


@pytest.mark.nightly
@pytest.mark.slow("pip installs all that a wheel asks for", minutes=8)
@pytest.mark.timeout(1800)
def test_a_wheel_in_an_environment_of_its_own_runs_its_demo(tmp_path: Path) -> None:
    """Nothing is there but what `gensweep[embedded]` requires, at the versions of these tests."""
    folder = tmp_path / "environment"
    bin_ = make_environment(f"{build('wheel', tmp_path)}[embedded]", folder)
    env = own_variables() | {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    away = tmp_path / "away"

    def run(program: str, *words: str) -> str:
        argv = [str(bin_ / program), *words]
        done = subprocess.run(argv, env=env, cwd=away if away.exists() else tmp_path,
                              capture_output=True, text=True, timeout=300, check=False)  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
        return done.stdout

    try:
        installed = {line.partition("==")[0] for line in run("pip", "freeze").splitlines()}
        assert {"swift", "mlflow", "torch"} <= installed
        assert not installed & {"pytest", "moto", "hatchling", "psycopg"}
        assert run("pip", "check") == "No broken requirements found.\n"
        assert run("gensweep", "--version") == f"gensweep {VERSION}\n"
        assert {"gan", "vae", "realnvp", "ddpm"} <= set(run("gensweep", "models").split())
        said = demonstrate([str(bin_ / "gensweep")], env, away)
        assert re.search(f"^report +{away}/.gensweep/reports/demo.html$", said, re.M)
        assert re.search("^stored +s3://gensweep/sweeps/demo/$", said, re.M)
        assert len(json.loads(run("gensweep", "results", "demo", "--json"))["trials"]) == 5
        assert re.fullmatch(r"stopped \d+ processes\n", run("gensweep", "down"))
    finally:
        down(Home(away / ".gensweep"))
        shutil.rmtree(folder, ignore_errors=True)  # gigabytes, which pytest would keep
