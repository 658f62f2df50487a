"""Sweeps of an MLP GAN on ring8, start-up included: packed against one process for each trial.

    gensweep up && python tests/benchmarks/sweep_throughput.py [--sizes small medium]

Each sweep is a command of its own on the running cluster. Ours is preceded by a dry run, which
measures the width of a pack unless the machine remembers it. The slow peers run fewer trials than
the sweep has, twice, and are scaled by what a further trial cost. Equal quality: trials of ours,
every n-th, have on average as large a share of high-quality samples as the peers' loop gives with
the same hyperparameters, within three standard errors of the difference. What searches found, the
best trial and the means of all, is among the figures: it depends on chance, and on how many trials
were under way when a search began to learn. So is the share of time that our lanes stood idle.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from machine import machine
from peers.ring8_gan import SIZES, TRIALS, train

from gensweep.stack_env import apply_env
from gensweep.sweep import results_of

PEERS = {"nested_train": (4, 8), "plain_tune": (16, 48), "optuna_processes": (None, None)}
"""How many trials are run to scale from; None: all of them, once."""
FOLDER = Path(__file__).parent / "peers"
QUALITY = ("modes", "high_quality")
AGAIN = 16
"""Trials that the peers' loop trains once more."""
Trials = list[dict[str, Any]]


def timed(argv: list[str]) -> tuple[float, str]:
    """Run a script; return its seconds and what it printed."""
    begin = time.perf_counter()
    done = subprocess.run([sys.executable, *argv], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{argv} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - begin, done.stdout


def ours(size: str, trials: int) -> tuple[dict[str, float], Trials]:
    """Sweep packed; return seconds and the idle share, and what was measured of the trials."""
    name = f"throughput-{size}-{time.time_ns()}"
    sweep = [str(FOLDER / "packed.py"), size, "--trials", str(trials)]
    width, _ = timed([*sweep, "--dry-run"])  # once for each machine
    seconds, said = timed([*sweep, "--name", name])
    (idle,) = re.findall(r"^lanes .* ([\d.]+) % idle$", said, re.MULTILINE)
    found = [(trial["params"], trial["metrics"]) for trial in results_of(name)["trials"]]
    told = [{n: m[f"neutral_{n}"] for n in QUALITY} | {"params": p} for p, m in found]
    figures = {"packed_s": seconds, "dry_run_s": width, "idle": float(idle) / 100}
    return {f"{size}.{name}": value for name, value in figures.items()}, told


def peer(name: str, size: str, trials: int) -> tuple[float, Trials]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        seconds, _ = timed([str(FOLDER / f"{name}.py"), "--size", size, "--trials", str(trials),
                         "--tracker", os.environ["MLFLOW_TRACKING_URI"],
                         "--out", str(out)])  # fmt: skip
        return seconds, json.loads(out.read_text())


def scaled(name: str, size: str, trials: int) -> tuple[float, Trials]:
    """Seconds that all trials take, and what was measured of those that were run."""
    few, more = PEERS[name]
    if few is None or more is None or more >= trials:
        return peer(name, size, trials)
    (first, _), (second, found) = peer(name, size, few), peer(name, size, more)
    each = (second - first) / (more - few)
    return second + each * (trials - more), found


def best(trials: Trials) -> float:
    return max(float(trial["high_quality"]) for trial in trials)


def as_good(size: str, trials: Trials) -> tuple[bool, float]:
    """Whether the peers' loop gets no further with the same hyperparameters; by how much we do."""
    torch.set_num_threads(1)
    some = trials[:: -(-len(trials) // AGAIN)]
    gains = [t["high_quality"] - train(t["params"], size, seed)["high_quality"]
             for seed, t in enumerate(some)]  # fmt: skip
    error = statistics.stdev(gains) / len(gains) ** 0.5
    return statistics.mean(gains) >= -3 * error, statistics.mean(gains)


def told(name: str, trials: Trials) -> dict[str, float]:
    """How good the trials are: the best, and on average."""
    means = {f"{name}.{each}": statistics.mean(t[each] for t in trials) for each in QUALITY}
    return {f"{name}.best_high_quality": best(trials), **means}


def tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(size: str, peers: list[str], count: int | None) -> dict[str, Any]:
    count = count or TRIALS[size]
    figures, trials = ours(size, count)
    seconds = figures[f"{size}.packed_s"]
    tell(f"{size}: packed {seconds:.1f} s")
    ratios = {}
    equal, gain = as_good(size, trials)
    figures[f"{size}.gain_of_high_quality"] = gain
    for name in peers:
        spent, found = scaled(name, size, count)
        tell(f"{size}: {name} {spent:.1f} s")
        figures[f"{size}.{name}_s"] = spent
        ratios[f"{size}.{name}"] = spent / seconds
        figures |= told(f"{size}.{name}", found)
    figures |= told(f"{size}.packed", trials)
    return {"figures": figures, "ratios": ratios, "equal": equal}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--trials", type=int, help=f"of each sweep (default: {TRIALS})")
    args = parser.parse_args()
    apply_env()
    parts = [measure(size, args.peers, args.trials) for size in args.sizes]
    print(json.dumps({
        "benchmark": "sweep_throughput",
        "figures": {k: v for part in parts for k, v in part["figures"].items()},
        "ratios": {k: v for part in parts for k, v in part["ratios"].items()},
        "equal_quality": all(part["equal"] for part in parts),
        "scaled": {n: PEERS[n] for n in args.peers if (PEERS[n][1] or 0) and not args.trials},
        "machine": machine(),
    }))  # fmt: skip
