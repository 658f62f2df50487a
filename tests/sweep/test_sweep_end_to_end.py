"""A real sweep on a real stack: submitted as a job, logged, stored, resumed and extended."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAME = "end-to-end"
OPTIONS = ["--trials", "10", "--budget-images", "12800", "--width", "2"]

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(600)]


def submit(stack: Any, *options: str) -> str:
    ray = Path(sys.executable).with_name("ray")
    done = subprocess.run(
        [str(ray), "job", "submit", "--working-dir", str(stack_copy(stack)), "--", "python",
         "sweeps/gan_stability.py", *options],
        env=stack.env, capture_output=True, text=True, timeout=550, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def stack_copy(stack: Any) -> Path:
    """The scripts alone, as a working directory that is uploaded."""
    folder = Path(stack.home) / "upload"
    if not folder.exists():
        shutil.copytree(ROOT / "sweeps", folder / "sweeps")
    return folder


@pytest.fixture(scope="module")
def output(stack: Any) -> str:
    return submit(stack, *OPTIONS, "--name", NAME)


def results(stack: Any) -> dict[str, Any]:
    done = stack.run("results", NAME, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_every_trial_ends_and_is_told(stack: Any, output: str) -> None:
    trials = results(stack)["trials"]
    assert [t["number"] for t in trials] == list(range(10))
    assert {t["state"] for t in trials} <= {"completed", "collapsed", "diverged"}
    assert {t["params"]["objective"] for t in trials} == {
        "minimax", "non_saturating", "wasserstein", "wasserstein_gp", "hinge",
    }  # fmt: skip
    assert all(("clip" in t["params"]) == (t["params"]["objective"] == "wasserstein")
               for t in trials)  # fmt: skip
    assert all(t["protocol"]["feature_hash"] for t in trials)
    assert "95 % interval" in output
    assert f"--resume {NAME}" in output


def test_report_stands_in_the_store(stack: Any, output: str) -> None:
    done = stack.run("list", "--json")
    assert [sweep["name"] for sweep in json.loads(done.stdout)] == [NAME]
    report = next(Path(stack.home).rglob(f"{NAME}.html"))
    page = report.read_text()
    assert "Stability map" in page
    assert "data:image/png" in page
    assert "adaptive" in page


def test_tracker_has_parent_and_children(stack: Any, output: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(stack.env["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("gan")
    end = time.monotonic() + 60
    while True:
        runs = client.search_runs([experiment.experiment_id])
        children = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
        if len(children) == 10 or time.monotonic() > end:
            break
        time.sleep(1)
    assert len(runs) == 11
    assert len(children) == 10
    assert all("learning_rate" in r.data.params for r in children)
    secret = stack.env.get("AWS_SECRET_ACCESS_KEY", "no secret")
    assert secret not in str([r.to_dictionary() for r in runs])


def test_extension_keeps_what_is_done(stack: Any, output: str) -> None:
    before = {t["number"]: t["metrics"] for t in results(stack)["trials"]}
    submit(stack, "--trials", "12", *OPTIONS[2:], "--resume", NAME)
    after = {t["number"]: t["metrics"] for t in results(stack)["trials"]}
    assert len(after) == 12
    assert {n: after[n] for n in before} == before
