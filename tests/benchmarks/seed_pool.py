"""Records a pool of trials with many seeds each, from which sweeps are replayed.

    python tests/benchmarks/seed_pool.py --data ring8 --out tests/report/seed_pool.json
    python tests/benchmarks/seed_pool.py --data digits --out tests/report/seed_pool_digits.json

Of ring8 small GANs, in the grid of five objectives, three learning rates and two momenta. Of digits
GANs of two objectives and beta-VAEs, whose settings are drawn as a sweep draws them. A trial's
metrics by configuration and seed, `null` where the samples were not finite. That takes minutes.
`best_probability.py` and `tests/report/test_report_replay.py` draw sweeps from the files, and
compare how sure they say the best is with how often it is.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from machine import machine

from gensweep.data import Dataset, load_dataset
from gensweep.evaluation import load_feature_net
from gensweep.lanes import Pack
from gensweep.metrics import Evaluator
from gensweep.storage import open_store
from gensweep_models.catalog import CATALOG

SAMPLES = 1000
STEPS = {"ring8": 400, "digits": 250}
METRICS = {
    "ring8": ("total_variation", "w1_sliced", "high_quality"),
    "digits": ("frechet", "coverage", "precision"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Configurations that one pack can train."""

    entry: str
    shared: Mapping[str, Any]
    grid: list[dict[str, Any]]
    """What each sets besides."""


def ring_families() -> Iterator[Family]:
    """Yield GANs of each objective in a grid."""
    rates, momenta = (1e-3, 3e-3, 8e-3), (0.0, 0.5)
    shared = {"hidden": 32, "layers": 2, "batch_size": 64, "latent_size": 4, "clip": 0.1}
    for name in ("non_saturating", "hinge", "wasserstein", "least_squares", "wasserstein_gp"):
        grid = [{"objective": name, "learning_rate": rate, "beta1": beta}
                for rate, beta in itertools.product(rates, momenta)]  # fmt: skip
        yield Family(entry="gan", shared=shared, grid=grid)


def digit_families() -> Iterator[Family]:
    """Yield GANs of two objectives and beta-VAEs, 10 random configurations each."""
    random = np.random.default_rng(0)
    shared = {"hidden": 64, "layers": 2, "batch_size": 32, "latent_size": 8, "body": "mlp"}

    def log_uniform(low: float, high: float) -> float:
        return float(f"{np.exp(random.uniform(np.log(low), np.log(high))):.3g}")

    for name in ("hinge", "least_squares"):
        grid = [{"objective": name, "learning_rate": log_uniform(5e-4, 2e-2),
                 "beta1": round(random.uniform(0.0, 0.9), 2)} for _ in range(10)]  # fmt: skip
        yield Family(entry="gan", shared=shared, grid=grid)
    grid = [{"learning_rate": log_uniform(5e-4, 2e-2), "kl_weight": log_uniform(0.2, 8.0)}
            for _ in range(10)]  # fmt: skip
    yield Family(entry="beta_vae", shared=shared, grid=grid)


FAMILIES = {"ring8": ring_families, "digits": digit_families}


def main(data: str, seeds: int, families: int, steps: int) -> list[dict[str, Any]]:
    """Train every configuration with every seed, those of a family in one pack."""
    with tempfile.TemporaryDirectory() as folder:
        train, evaluator = prepare(data, folder)
    chosen = itertools.islice(FAMILIES[data](), families)
    return [one for family in chosen for one in trained(train, evaluator, family, seeds, steps)]


def prepare(data: str, folder: str) -> tuple[Dataset, Evaluator]:
    """Load the training split, and make the evaluator of its samples."""
    store = open_store(f"file://{folder}")
    train = load_dataset(data, store, split="train")
    net = None if train.modes is not None else load_feature_net(store, train, log=lambda line: None)
    evaluator = Evaluator.for_dataset(
        data, dict(train.source("cpu").gather(torch.arange(SAMPLES))), {}, net=net,
        modes=train.modes, mode_std=train.mode_std, samples=SAMPLES,
    )  # fmt: skip
    return train, evaluator


def trained(
    train: Dataset, evaluator: Evaluator, family: Family, seeds: int, steps: int
) -> Iterator[dict[str, Any]]:
    """Yield each configuration of a family, with the metrics of its seeds."""
    model = CATALOG[family.entry]
    configs = [model.config(**{**family.shared, **params}) for params in family.grid]
    pack = Pack(model, configs[0], train, train.source("cpu"), width=len(configs) * seeds)
    images = steps * configs[0].batch_size
    for slot in range(pack.width):
        pack.load(slot, configs[slot // seeds], seed=slot, budget_images=images)
    pack.run(steps)
    names = METRICS[train.name]
    found = evaluator.evaluate(pack.sample(SAMPLES), names)
    for n, params in enumerate(family.grid):
        told = {"entry": family.entry, **params}
        yield {"params": told, **columns(found[n * seeds : (n + 1) * seeds], names)}


def columns(found: list[dict[str, float]], names: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return each metric's values; None of a trial whose samples are not finite."""
    return {m: [float(f"{one[m]:.4g}") if np.isfinite(one.get(m, np.nan)) else None
                for one in found] for m in names}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", choices=METRICS, default="ring8")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=32)
    parser.add_argument("--steps", type=int, help=f"{STEPS}")
    parser.add_argument("--families", type=int, default=5, help="the first so many")
    args = parser.parse_args()
    begin = time.perf_counter()
    pool = main(args.data, args.seeds, args.families, args.steps or STEPS[args.data])
    args.out.write_text("[" + ",\n ".join(map(json.dumps, pool)) + "]\n")
    figures = {"configurations": len(pool), "seconds": time.perf_counter() - begin}
    print(json.dumps({"benchmark": "seed_pool", "figures": figures, "ratios": {},
                      "equal_quality": True, "machine": machine()}))  # fmt: skip
