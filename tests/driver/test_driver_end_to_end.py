"""A real sweep on a real stack: submitted as a job, logged, stored, resumed and extended."""

import dataclasses
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from gensweep.evaluation import NoData, Shape
from gensweep.lanes import LaneState, Pack
from gensweep.storage import load_trained_lane, open_store
from gensweep.study import read_sweep
from gensweep_models.adversarial.gan_config import GanConfig
from gensweep_models.catalog import CATALOG
from submitted import NAME, submit

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow("two jobs on a stack", minutes=2),
]


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


def test_progress_begins_with_the_sweeps_name(output: str) -> None:
    """In the log of a job, where answers and progress meet; details are not told unasked."""
    progress = [line for line in output.splitlines() if " examples/s " in line]
    assert progress
    assert all(line.startswith(f"{NAME}: ") for line in progress)
    assert f"{NAME}: pack-1" not in output


def test_report_stands_in_the_store(stack: Any, output: str) -> None:
    done = stack.run("list", "--json")
    assert [sweep["name"] for sweep in json.loads(done.stdout)].count(NAME) == 1
    report = next(Path(stack.home).rglob(f"{NAME}.html"))
    page = report.read_text()
    assert "Stability map" in page
    assert "data:image/png" in page
    assert "the best trial&#39;s walks: samples on ways from one latent to another" in page
    assert "qmc: spread evenly over the space" in page


def test_tracker_has_parent_and_children(stack: Any, output: str) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(stack.env["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("gan-stability")
    end = time.monotonic() + 60
    while True:
        runs = client.search_runs([experiment.experiment_id], f"tags.`gensweep.sweep` = '{NAME}'")
        children = [r for r in runs if "mlflow.parentRunId" in r.data.tags]
        if len(children) == 10 or time.monotonic() > end:
            break
        time.sleep(1)
    assert len(runs) == 11
    assert len(children) == 10
    assert all("learning_rate" in r.data.params for r in children)
    assert stack.env["AWS_SECRET_ACCESS_KEY"] not in str([r.to_dictionary() for r in runs])


def content_of(file: Path) -> bytes:
    """Read a file of a running stack; of one that is gone by now nothing."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def test_a_sweep_leaves_no_secret_behind(stack: Any, output: str) -> None:
    """In no log, report, artifact, ledger or spool, none of Ray's files, no list of processes."""
    token = Path(stack.env["RAY_AUTH_TOKEN_PATH"]).read_text().strip()
    secrets = [one.encode() for one in (stack.env["AWS_SECRET_ACCESS_KEY"], token)]
    folders = (stack.home, Path(stack.env["RAY_TMPDIR"]))
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    holders = [file for file in files if any(one in content_of(file) for one in secrets)]
    assert len(files) > 200
    known = ("env", "stack.json", "swift/proxy.conf")
    assert sorted(holders) == sorted(stack.home / name for name in known)
    assert all(file.stat().st_mode & 0o077 == 0 for file in holders)
    commands = [" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])]
    assert any("mlflow" in command for command in commands)
    assert not [one for one in secrets for command in commands if one.decode() in command]


def test_the_command_line_draws_from_the_best_trial(
    stack: Any, output: str, tmp_path: Path
) -> None:
    """A picture, or numbers, which are narrower where z is truncated."""
    found = {}
    for name, words in {"own": [], "cut": ["--set", "truncation=0.01"]}.items():
        file = tmp_path / f"{name}.npy"
        done = stack.run("sample", NAME, "--count", "9", *words, "--out", str(file), "--json")
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["file"], told["count"], told["what"]) == (str(file), 9, "samples")
        assert told["model"].endswith(f"@{NAME}")
        found[name] = np.load(file)
    assert found["own"].shape == (9, 1, 8, 8)
    assert found["cut"].std(0).mean() < found["own"].std(0).mean()
    for what in ("samples", "turns"):
        picture = tmp_path / f"{what}.png"
        done = stack.run("sample", NAME, "--what", what, "--out", str(picture))
        assert done.returncode == 0, done.stderr
        assert picture.read_bytes().startswith(b"\x89PNG")
    assert "turns: samples at latents cos(t) z" in done.stderr
    for words, message in (
        (
            [NAME, "--what", "reconstructions"],
            "gan has no reconstructions, for want of `reconstruct` of images that it does not",
        ),
        ([NAME, "--rerank", "2"], "candidates are ranked by their class, which is not known here"),
        ([NAME, "--set", "colour=1"], "'colour' is no sampling hyperparameter of gan"),
        (["nothing"], "unknown sweep 'nothing': the known ones are "),
    ):
        done = stack.run("sample", *words, "--out", str(tmp_path / "none.png"))
        assert done.returncode == 2
        assert message in done.stderr
    assert not (tmp_path / "none.png").exists()


def test_what_would_be_retrained_is_told_as_json(stack: Any, output: str) -> None:
    """On stdout nothing else; the plan, in words, is on stderr."""
    options = ["--seeds", "2", "--width", "2", "--name", "again", "--dry-run", "--json"]
    done = stack.run("retrain", NAME, *options)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["sweep"], told["seeds"], told["dry_run"]) == ("again", 2, True)
    assert told["examples"] == 4 * 64_000
    (best,) = [t for t in results(stack)["trials"] if t["number"] == told["of"]["trial"]]
    assert told["hyperparameters"].items() >= best["params"].items()
    assert "again: 2 trials of gan" in done.stderr


def test_best_trial_is_a_model_that_samples(
    stack: Any, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registered model draws what the pack that trained the trial would draw."""
    code = (
        "import mlflow, numpy, sys\n"
        f"model = mlflow.pyfunc.load_model('models:/gan-digits@{NAME}')\n"
        "numpy.save(sys.argv[1], model.predict([{'n': 6, 'truncation': 0.5, 'seed': 3}]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "s.npy")], env=stack.env,
                          capture_output=True, text=True, timeout=600, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    samples = np.load(tmp_path / "s.npy")
    assert samples.shape == (6, 1, 8, 8)
    assert np.abs(samples).max() <= 1

    best = min((t for t in results(stack)["trials"] if t["state"] == "completed"),
               key=lambda t: t["metrics"]["frechet"])  # fmt: skip
    for name, value in stack.env.items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    lane = load_trained_lane(open_store(stack.env["GENSWEEP_STORE"]), best)
    state = LaneState.from_bytes(lane)
    digits = Shape(shape=(1, 8, 8), classes=10, count=1438, levels=16)
    wide = dataclasses.replace(GanConfig(**state.meta["config"]), latent_size=32)
    pack = Pack(CATALOG["gan"], wide, digits, NoData(), width=2)
    pack.put(1, state)
    expected = pack.sample(6, seed=3, hyper={"truncation": 0.5})[0].numpy()
    np.testing.assert_allclose(samples, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("script", "argv", "named"),
    [
        ("gan_stability.py", ["--name", NAME], f"--resume {NAME}"),
        ("vae_tradeoff.py", ["--name", NAME], f"sweep '{NAME}' exists"),
        ("vae_tradeoff.py", ["--resume", NAME], "'vae'"),
        ("gan_stability.py", ["--resume", NAME, "--budget-images", "1280"], "64000 -> 1280"),
        ("gan_stability.py", ["--resume", NAME, "--data", "ring8"], "ring8"),
        ("gan_stability.py", ["--resume", NAME, "--seed", "5"], "seed: 0 -> 5"),
        ("gan_stability.py", ["--resume", NAME, "--trials", "4"], "10 trials already"),
    ],
)  # fmt: skip
def test_a_known_name(
    stack: Any, stack_scripts: Any, output: str, script: str, argv: list[str], named: str
) -> None:
    """What differs from the sweep of that name is told, and leaves it as it was."""
    before = read_sweep(NAME, str(stack.home / "studies"))
    done = stack_scripts.run(ROOT / "sweeps" / script, argv, env=stack.env, cwd=ROOT)
    assert done.returncode == 2, (done.stdout + done.stderr)[-2000:]
    assert named in done.stderr.splitlines()[-1]
    assert read_sweep(NAME, str(stack.home / "studies")) == before


def test_a_known_name_with_another_space(
    stack: Any, stack_scripts: Any, output: str, tmp_path: Path
) -> None:
    text = (ROOT / "sweeps" / "gan_stability.py").read_text()
    other = tmp_path / "gan_stability.py"
    other.write_text(text.replace("Integer(1, 5)", "Integer(1, 3)"))
    done = stack_scripts.run(other, ["--resume", NAME], env=stack.env, cwd=tmp_path)
    assert done.returncode == 2
    assert "critic_iterations.high: 5 -> 3" in done.stderr.splitlines()[-1]


def test_extension_keeps_what_is_done(stack: Any, output: str) -> None:
    """And confirms the best of all."""
    before = {t["number"]: t["metrics"] for t in results(stack)["trials"]}
    said = submit(stack, "--trials", "12", "--width", "2", "--resume", NAME, "--confirm", "2x2")
    trials = results(stack)["trials"]
    after = {t["number"]: t["metrics"] for t in trials}
    assert {n: after[n] for n in before} == before
    assert [t["confirm_round"] for t in trials] == [0] * 12 + [1] * 4
    fresh = {t["number"]: t["group"] for t in trials[12:]}
    assert sorted(Counter(fresh.values()).values()) == [2, 2]
    best = json.loads(stack.run("best", NAME, "--json").stdout)
    assert best["trial"] in fresh
    assert f"--resume {NAME} --width 2 --confirm 2x4" in said
