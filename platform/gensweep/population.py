"""Population-based training (arXiv:1711.09846): poor trials go on from the state of good ones.

Asynchronous, as in the paper: at each rung a trial is compared with those of its stratum that have
been there. One in the lowest quarter takes over (exploit) a trial of the highest quarter that is
in its pack: weights, optimiser moments, averages, buffers and hyperparameters. Its budget,
progress, seed, data order and noise stay its own. Then what is searched of a lane's scalars is
changed a little (explore).
"""

import random
from collections.abc import Collection, Mapping
from typing import Any

from gensweep.space import Space, conditions, scopes

PARTS = 4
"""The lowest and the highest quarter."""
FACTORS = (0.8, 1.25)
REDRAWN = 0.25
"""Probability that a categorical one is drawn anew: Ray Tune's, as the paper leaves it open."""


def changing(config: Any, space: Space) -> list[str]:
    """What is searched and may change in the course of a trial."""
    return [name for name in space if scopes(config).get(name) == "lane"]


def better(
    values: Mapping[int, float], number: int, here: Collection[int], seed: int, rung: int
) -> int | None:
    """Whose state the trial takes over; None: it goes on as it is.

    `values` are those of all trials at the rung, small is good; `here` are those in its pack.

    >>> better({n: float(n) for n in range(8)}, 7, here=(1, 5), seed=0, rung=640)
    1
    >>> better({n: float(n) for n in range(8)}, 5, here=(1, 5), seed=0, rung=640)
    """
    count = len(values) // PARTS
    ranked = sorted(values, key=lambda each: (values[each], each))
    if number not in ranked[len(ranked) - count :]:
        return None
    best = [each for each in ranked[:count] if each in here]
    return random.Random(f"exploit {seed} {rung}").choice(best) if best else None


def explored(config: Mapping[str, Any], space: Space, names: Collection[str], seed: int,
             ticks: int) -> dict[str, Any]:  # fmt: skip
    """`config` with each of `names` changed: times 0.8 or 1.25 within its range, whole numbers by
    1 at least, or drawn anew."""
    source, changed = random.Random(f"explore {seed} {ticks}"), dict(config)
    for name in names:
        factor, draw = source.choice(FACTORS), source.random()
        exists = all(config[n] in wanted for n, wanted in conditions(space[name]).items())
        if not exists:
            continue
        if space[name].kind == "categorical":
            other = source.choice(space[name].choices)
            changed[name] = other if draw < REDRAWN else config[name]
        else:
            changed[name] = _scaled(config[name], factor, space[name])
    return changed


def _scaled(value: float, factor: float, dimension: Any) -> float:
    scaled = value * factor
    if dimension.kind == "integer":
        scaled = max(round(scaled), value + 1) if factor > 1 else min(round(scaled), value - 1)
    found: float = min(max(scaled, dimension.low), dimension.high)
    return found
