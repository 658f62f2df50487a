"""Sweeps that are replayed from recorded trials: how sure they say the best is, and if it is.

Each configuration's recorded seeds are all the seeds that there could be, of which a sweep draws
some, with replacement. Which configuration is the best is thus known exactly: were it judged by the
seeds that a sweep has left over, those few would often be wrong about two that are nearly as good,
and a sure sweep would seem to say too much.
"""

# C configurations, S seeds
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gensweep.best_probability import best_probabilities
from gensweep.confirmation import Confirmation
from gensweep.objective import Configuration, Objective

FOLDER = Path(__file__).parents[1] / "report"
POOLS = {"ring8": FOLDER / "seed_pool.json", "digits": FOLDER / "seed_pool_digits.json"}
"""By `seed_pool.py`. The estimate was chosen on the first, and is shown on the second."""
LARGER = {"high_quality", "coverage", "precision"}
"""Metrics of which more is better."""
SIZES = ((4, 5), (6, 3), (8, 2), (8, 4), (10, 3))
"""Configurations and seeds of a sweep."""
CONFIRMED = ("3x10", "4x5", "8x5", "6x4", "5x10")
SEARCHED = 12
"""Configurations of a search, the best of which by one seed each are confirmed."""
OBJECTIVE = Objective(metric="m")

Pool = NDArray[np.float64]
Said = tuple[float, bool]
"""The probability that a sweep says of its best, and if that is the best."""


def load_pool(file: Path) -> dict[str, Pool]:
    """Read the values of each metric [C, S], less is better."""
    recorded = json.loads(file.read_text())
    return {metric: np.array([one[metric] for one in recorded]) * (-1 if metric in LARGER else 1)
            for metric in recorded[0] if metric != "params"}  # fmt: skip


def repeated(pool: Pool, sweep: int, random: np.random.Generator) -> Said:
    """Replay a sweep of as many seeds of each configuration."""
    count, each = SIZES[sweep % len(SIZES)]
    chosen = random.choice(len(pool), count, False).tolist()
    return said([trial(n, 0, float(value)) for n in chosen
                 for value in random.choice(pool[n], each)], pool)  # fmt: skip


def confirmed(pool: Pool, sweep: int, random: np.random.Generator) -> Said:
    """Replay a search of one seed each, whose best are confirmed round by round."""
    asked = Confirmation.parse(CONFIRMED[sweep % len(CONFIRMED)])
    chosen = random.choice(len(pool), SEARCHED, False).tolist()
    trials, drawn, number = [], chosen, 0
    while drawn:
        trials += [trial(n, number, float(random.choice(pool[n]))) for n in drawn]
        drawn, number = asked.next_round(OBJECTIVE, trials), number + 1
    return said(trials, pool)


KINDS: dict[str, Callable[[Pool, int, np.random.Generator], Said]] = {
    "repeated": repeated, "confirmed": confirmed,
}  # fmt: skip


def trial(group: int, confirm_round: int, value: float) -> Any:
    """One that was completed."""
    return {"group": group, "confirm_round": confirm_round, "state": "completed",
            "metrics": {"m": value}}  # fmt: skip


def said(trials: Sequence[Any], pool: Pool) -> Said:
    """Ask the sweep for its best, and the pool for the truth."""
    found = OBJECTIVE.configurations(trials)
    ranked: list[Configuration] = [one for one in found if one.confirmed] or found
    means = pool[[one.trials[0]["group"] for one in ranked]].mean(1)
    return best_probabilities(ranked)[0], bool(means[0] <= means.min() + 1e-9)


def replay(pool: Pool, kind: str, sweeps: int, seed: int = 0) -> NDArray[np.float64]:
    """Return what each sweep says, and if it is right, [sweeps, 2]."""
    random = np.random.default_rng(seed)
    return np.array([KINDS[kind](pool, sweep, random) for sweep in range(sweeps)], float)


def excess(some: NDArray[np.float64]) -> tuple[float, float]:
    """Return what sweeps [N, 2] say above what is right, in the mean, and its standard error."""
    much = some[:, 0] - some[:, 1]
    return float(much.mean()), float(much.std() / len(much) ** 0.5)
