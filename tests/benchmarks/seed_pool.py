"""Records a pool of trials with many seeds each, from which sweeps are replayed.

    python tests/benchmarks/seed_pool.py --out tests/report/seed_pool.json [--seeds 32]

Small GANs on the ring of eight, in the grid of five objectives, three learning rates and two
momenta: a trial's metrics by configuration and seed. `tests/report/test_report_replay.py` draws
sweeps from the file and compares how sure they say the best is with how often it is. Two minutes.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from machine import machine

from gensweep.data import load_dataset
from gensweep.lanes import Pack
from gensweep.metrics import Evaluator
from gensweep.storage import open_store
from gensweep_models.catalog import CATALOG

OBJECTIVES = ("non_saturating", "hinge", "wasserstein", "least_squares", "wasserstein_gp")
RATES, MOMENTA = (1e-3, 3e-3, 8e-3), (0.0, 0.5)
NETWORK = {"hidden": 32, "layers": 2, "batch_size": 64, "latent_size": 4, "clip": 0.1}
STEPS, SAMPLES = 400, 1000
METRICS = ("total_variation", "w1_sliced", "high_quality")


def main(seeds: int, objectives: tuple[str, ...], steps: int) -> list[dict[str, Any]]:
    """Train every configuration with every seed, those of an objective in one pack."""
    with tempfile.TemporaryDirectory() as folder:
        train = load_dataset("ring8", open_store(f"file://{folder}"), split="train")
    real = {"x": train.source("cpu").gather(torch.arange(SAMPLES))["x"]}
    evaluator = Evaluator.for_dataset(
        "ring8", real, {}, modes=train.modes, mode_std=train.mode_std, samples=SAMPLES
    )
    return [one for objective in objectives
            for one in trained(train, evaluator, objective, seeds, steps)]  # fmt: skip


def trained(
    train: Any, evaluator: Evaluator, objective: str, seeds: int, steps: int
) -> Iterator[dict[str, Any]]:
    """Yield each configuration of an objective, with the metrics of its seeds."""
    model = CATALOG["gan"]
    grid = [{"objective": objective, "learning_rate": rate, "beta1": beta}
            for rate, beta in itertools.product(RATES, MOMENTA)]  # fmt: skip
    configs = [model.config(**NETWORK, **params) for params in grid]
    pack = Pack(model, configs[0], train, train.source("cpu"), width=len(grid) * seeds)
    for slot in range(pack.width):
        pack.load(slot, configs[slot // seeds], seed=slot, budget_images=steps * 64)
    pack.run(steps)
    found = evaluator.evaluate(pack.sample(SAMPLES), METRICS)
    for n, params in enumerate(grid):
        yield {"params": params, **columns(found[n * seeds : (n + 1) * seeds])}


def columns(found: list[dict[str, float]]) -> dict[str, list[float]]:
    """Return each metric's values; of a trial whose samples are not finite the worst possible."""
    worst: Mapping[str, float] = {"total_variation": 1.0, "w1_sliced": 100.0, "high_quality": 0.0}
    return {m: [float(f"{one.get(m, worst[m]):.4g}") for one in found] for m in METRICS}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--objectives", nargs="+", default=OBJECTIVES)
    args = parser.parse_args()
    begin = time.perf_counter()
    pool = main(args.seeds, tuple(args.objectives), args.steps)
    args.out.write_text("[" + ",\n ".join(map(json.dumps, pool)) + "]\n")
    figures = {"configurations": len(pool), "seconds": time.perf_counter() - begin}
    print(json.dumps({"benchmark": "seed_pool", "figures": figures, "ratios": {},
                      "equal_quality": True, "machine": machine()}))  # fmt: skip
