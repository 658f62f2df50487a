"""How sure sweeps say the best configuration is, against how often it is.

    python tests/benchmarks/best_probability.py [--sweeps 800] [--halves 20]

Sweeps of each metric are replayed from the pools that `seed_pool.py` recorded: the estimate was
chosen on ring8 and is shown on digits. Prints one JSON line: by pool and kind of sweep, what they
say above what is right, of each metric, of all, and by thirds of what they say, each beside its
standard error. `halves` are pools of a random half of the configurations, of which
two that are nearly equal may be in most sweeps: the root mean square and the largest excess.
"""

import argparse
import json
import time
from typing import Any

import numpy as np
from machine import machine
from replayed_sweeps import KINDS, POOLS, Pool, excess, load_pool, replay


def calibration(pools: dict[str, Pool], kind: str, sweeps: int) -> dict[str, tuple[float, float]]:
    """Return the excess and its standard error of each metric, of all, and by thirds."""
    by_metric = {metric: replay(pool, kind, sweeps, seed)
                 for seed, (metric, pool) in enumerate(pools.items())}  # fmt: skip
    every = np.concatenate(list(by_metric.values()))
    thirds = np.array_split(every[every[:, 0].argsort(kind="stable")], 3)
    named = dict(zip(("unsure", "between", "sure"), thirds, strict=True))
    return {name: excess(some) for name, some in (by_metric | {"all": every} | named).items()}


def of_halves(pools: dict[str, Pool], kind: str, sweeps: int, halves: int) -> dict[str, float]:
    """Return the root mean square and the largest excess of pools of half the configurations."""
    found = []
    for pool in pools.values():
        for seed in range(halves):
            half = np.random.default_rng(seed).permutation(len(pool))[: len(pool) // 2]
            found.append(excess(replay(pool[half], kind, sweeps, seed))[0])
    return {"rms": float(np.sqrt(np.mean(np.square(found)))), "most": float(np.abs(found).max())}


def main(sweeps: int, halves: int) -> dict[str, Any]:
    """Measure each pool and each kind of sweep."""
    found: dict[str, Any] = {}
    for name, file in POOLS.items():
        pools = load_pool(file)
        for kind in KINDS:
            told: dict[str, Any] = dict(calibration(pools, kind, sweeps))
            if halves:
                told["halves"] = of_halves(pools, kind, sweeps // 4, halves)
            found[f"{name}.{kind}"] = told
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=800, help="of each metric")
    parser.add_argument("--halves", type=int, default=0, help="pools of half the configurations")
    args = parser.parse_args()
    begin = time.perf_counter()
    calibrations = main(args.sweeps, args.halves)
    every = (one["all"] for one in calibrations.values())
    is_right = all(abs(off) <= 0.03 + 2 * error for off, error in every)
    told = {"benchmark": "best_probability", "figures": {"seconds": time.perf_counter() - begin},
            "ratios": {}, "equal_quality": is_right, "calibration": calibrations}  # fmt: skip
    print(json.dumps(told | {"machine": machine()}))
