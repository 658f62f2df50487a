"""Sweeps that an earlier version stored are read, resumed and extended, and its model samples.

`README.md` tells what the fixture holds and how it was made.
"""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from gensweep.metric import VERDICT
from gensweep.tracking import SERVER_SETTINGS

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCRIPT = HERE / "ring8_sweep.py"
RUNGS = [16_000, 32_000, 48_000, 64_000]
ENDED = {"completed", "collapsed", "diverged"}
NEARLY = {"rel": 0.01, "abs": 0.002}
"""Other processors and widths round otherwise: SSE4 in place of AVX-512 by 1e-6 of a value."""
LATER = ("_gradient_norm", "_update_ratio", "_spectral_norm", "critic_accuracy",
         "neutral_variance_ratio", "neutral_mode_entropy", "w1",
         "critic_overfitting", "critic_slope")  # fmt: skip
"""Ends of the names of metrics that were not measured at the time."""

slow = pytest.mark.slow("goes on with two stored sweeps", minutes=2)


def unpack(folder: Path) -> Path:
    with tarfile.open(HERE / "stored.tar.gz") as files:
        files.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture as it was stored."""
    return unpack(tmp_path_factory.mktemp("stored"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture, to go on with."""
    folder = unpack(tmp_path_factory.mktemp("copy"))
    database = sqlite3.connect(folder / "home" / "mlflow.db")
    database.executescript((folder / "home" / "mlflow.sql").read_text())
    database.close()
    return folder


@pytest.fixture(scope="module")
def tracker(copy: Path) -> Iterator[str]:
    """An MLflow server with the stored runs and models."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = copy / "home"
    argv = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
            "--workers", "1", "--backend-store-uri", f"sqlite:///{home / 'mlflow.db'}",
            "--artifacts-destination", f"file://{home / 'store' / 'mlflow'}"]  # fmt: skip
    with (copy / "mlflow.log").open("w") as log:
        server = subprocess.Popen(argv, env=environment() | SERVER_SETTINGS, cwd=copy, stdout=log,
                                  stderr=log, start_new_session=True)  # fmt: skip
    try:
        wait_for(server, f"http://127.0.0.1:{port}/health", copy / "mlflow.log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def wait_for(server: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    end = time.monotonic() + 600
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except OSError:
            assert server.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < end, log.read_text()[-2000:]
            time.sleep(0.2)


def environment(home: Path | None = None, **more: str) -> dict[str, str]:
    """Of a process that finds the stored sweeps, and nothing else."""
    foreign = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_")
    known = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    known["PYTHONPATH"] = os.pathsep.join(str(ROOT / name) for name in ("platform", "models"))
    return known | (places(home) if home else {}) | more


def places(home: Path) -> dict[str, str]:
    return {
        "GENSWEEP_HOME": str(home),
        "GENSWEEP_LEDGER": str(home / "studies"),
        "GENSWEEP_STORE": f"file://{home / 'store'}",
    }


def run(env: dict[str, str], cwd: Path, *argv: str) -> str:
    done = subprocess.run([sys.executable, *argv], env=env, cwd=cwd, capture_output=True,
                          text=True, timeout=600, check=False)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def command(home: Path, *argv: str) -> Any:
    """The JSON that `gensweep ARGV --json` prints."""
    code = "import sys; from gensweep.cli import main; sys.exit(main())"
    return json.loads(run(environment(home), home, "-c", code, *argv, "--json"))


def expected(folder: Path, name: str) -> Any:
    """What the earlier version printed, in today's words for samples at neutral values."""
    text = (folder / "expected" / f"{name}.json").read_text()
    return json.loads(text.replace('"untruncated_', '"neutral_'), object_hook=today)


def today(told: dict[str, Any]) -> dict[str, Any]:
    return told | {"verdict": VERDICT} if "verdict" in told else told


def changes(old: Any, new: Any, at: str = "") -> list[str]:
    """What is gone from `new`, or is other than in `old`; it may have more keys.

    >>> changes({"a": [1, {"b": 2.0}], "c": 3}, {"a": [1, {"b": 2.5, "d": 4}]})
    ['.a.1.b: 2.0 -> 2.5', '.c is gone']
    """
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if isinstance(old, dict) and isinstance(new, dict):
        gone = [f"{at}.{key} is gone" for key in old if key not in new]
        both = [key for key in old if key in new]
        return [c for key in both for c in changes(old[key], new[key], f"{at}.{key}")] + gone
    return [] if (type(old), old) == (type(new), new) else [f"{at}: {old!r} -> {new!r}"]


def older(trial: dict[str, Any]) -> dict[str, float]:
    """A trial's metrics without those that were not measured at the time."""
    return {n: v for n, v in trial["metrics"].items() if not n.endswith(LATER)}


def by_number(found: dict[str, Any]) -> dict[int, dict[str, Any]]:
    return {trial["number"]: trial for trial in found["trials"]}


@pytest.mark.parametrize("name", ["finished", "interrupted"])
def test_results_are_as_they_were(stored: Path, name: str) -> None:
    found = command(stored / "home", "results", name)
    assert changes(expected(stored, name), found) == []


def test_the_list_is_as_it_was(stored: Path) -> None:
    assert changes(expected(stored, "list"), command(stored / "home", "list")) == []


@slow
def test_the_registered_model_draws_what_it_drew(copy: Path, tracker: str, tmp_path: Path) -> None:
    env = environment(MLFLOW_TRACKING_URI=tracker)
    file = tmp_path / "samples.npy"
    run(env, tmp_path, str(HERE / "draw_samples.py"), "models:/gan-ring8/1", str(file))
    samples = np.load(file)
    assert samples.shape == (8, 2)
    assert np.isfinite(samples).all()
    np.testing.assert_allclose(samples, np.load(copy / "expected" / "samples.npy"), atol=1e-5)


def go_on(stack: Any, copy: Path, tracker: str, *options: str) -> str:
    env = stack.env | places(copy / "home") | {"MLFLOW_TRACKING_URI": tracker}
    return run(env, copy, str(SCRIPT), *options, "--packs", "2", "--width", "2")


@pytest.fixture(scope="module")
def resumed(stack: Any, copy: Path, tracker: str) -> dict[int, dict[str, Any]]:
    """The trials of the interrupted sweep, after it went on to its end."""
    output = go_on(stack, copy, tracker, "--resume", "interrupted")
    assert "model    models:/gan-ring8/" in output
    return by_number(command(copy / "home", "results", "interrupted"))


@pytest.fixture(scope="module")
def extended(stack: Any, copy: Path, tracker: str) -> dict[int, dict[str, Any]]:
    """The trials of the finished sweep, with two more."""
    output = go_on(stack, copy, tracker, "--resume", "finished", "--trials", "8")
    assert "model    models:/gan-ring8/" in output
    return by_number(command(copy / "home", "results", "finished"))


@slow
@pytest.mark.stack
def test_trials_that_had_ended_are_as_they_were(copy: Path, resumed: Any, extended: Any) -> None:
    for name, now in (("interrupted", resumed), ("finished", extended)):
        ended = [t for t in expected(copy, name)["trials"] if t["state"] in ENDED]
        assert ended
        assert [changes(trial, now[trial["number"]]) for trial in ended] == [[]] * len(ended)


@slow
@pytest.mark.stack
def test_trials_go_on_from_their_checkpoints(stored: Path, copy: Path, resumed: Any) -> None:
    """They end as they did when the earlier version went on with them, nothing trained twice."""
    begun = [t for t in expected(copy, "interrupted")["trials"] if t["state"] not in ENDED]
    assert {t["state"] for t in begun} == {"queued", "leased"}
    assert any(t["images"] for t in begun)
    then = by_number(expected(copy, "resumed"))
    for number in (t["number"] for t in begun):
        assert resumed[number]["state"] == then[number]["state"]
        assert older(resumed[number]) == pytest.approx(then[number]["metrics"], **NEARLY)
    for trial in begun:
        left = [images for images in RUNGS if images > trial["images"]]
        assert evaluated_since(stored, copy, trial["seed"]) == left


@slow
@pytest.mark.stack
def test_new_trials_are_those_that_it_would_have_begun(
    copy: Path, resumed: Any, extended: Any
) -> None:
    for name, now in (("resumed", resumed), ("extended", extended)):
        then = by_number(expected(copy, name))
        assert list(now) == list(then)
        for number, trial in then.items():
            same = {key: trial[key] for key in ("group", "seed", "images", "attempts")}
            assert changes(same, now[number]) == []
            assert now[number]["state"] in ENDED
            assert now[number]["params"] == pytest.approx(trial["params"])
            assert older(now[number]).keys() == trial["metrics"].keys()


@slow
@pytest.mark.stack
def test_the_tracker_hears_of_each_evaluation_once(
    tracker: str, resumed: Any, extended: Any
) -> None:
    """The runs of then are found again, and what was still to be told is told."""
    for name, trials in (("interrupted", resumed), ("finished", extended)):
        assert [steps(tracker, f"{name}/{number}") for number in trials] == [RUNGS] * len(trials)


@slow
@pytest.mark.stack
def test_the_report_shows_pictures_that_were_stored(copy: Path, extended: Any) -> None:
    page = (copy / "home" / "reports" / "finished.html").read_text()
    captions = r"<figcaption>(?:<b>.*?</b><br>)?trial (\d+),"
    shown = {int(number) for number in re.findall(captions, page)}
    assert shown & set(by_number(expected(copy, "finished")))


def evaluated_since(stored: Path, copy: Path, seed: int) -> list[int]:
    """After how many images a trial was evaluated since then, as Optuna's journal says."""
    before, after = ((folder / "home" / "studies").read_text() for folder in (stored, copy))
    assert after.startswith(before)
    added = after[len(before) :].splitlines()
    trials = {json.loads(line)["trial_id"] for line in added if f'"seed":{seed},' in line}
    values = [entry for line in added if "intermediate_value" in (entry := json.loads(line))]
    return [value["step"] for value in values if value["trial_id"] in trials]


def steps(tracker: str, trial: str) -> list[int]:
    """At which images the one run of the trial was evaluated, in the order of time."""
    client = MlflowClient(tracker)
    experiment = client.get_experiment_by_name("ring8").experiment_id
    (run,) = client.search_runs([experiment], f"tags.`gensweep.trial` = '{trial}'")
    history = client.get_metric_history(run.info.run_id, "total_variation")
    return [point.step for point in sorted(history, key=lambda p: p.timestamp)]
