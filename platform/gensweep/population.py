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
"""Trials are compared by quarters: the poorest copies from the best."""
FACTORS = (0.8, 1.25)
REDRAWN = 0.25
"""Probability that a categorical value is drawn anew: Ray Tune's, as the paper leaves it open."""


def explorable(config: Any, space: Space) -> list[str]:
    """List the searched hyperparameters that a trial may change under way: a lane's scalars."""
    return [name for name in space if scopes(config).get(name) == "lane"]


def choose_donor(
    values: Mapping[int, float], number: int, here: Collection[int], seed: int, rung: int
) -> int | None:
    """Choose the trial whose state this one takes over (exploit); None: it keeps its own.

    `values` are the objectives of all trials that have been at the rung, by number, small is good;
    `here` are the trials in its pack. The choice among good ones is drawn by the trial's seed and
    the rung, so that a trial that is trained again copies the same one.

    >>> choose_donor({n: float(n) for n in range(8)}, 7, here=(1, 5), seed=0, rung=640)
    1
    >>> choose_donor({n: float(n) for n in range(8)}, 5, here=(1, 5), seed=0, rung=640)
    """
    count = len(values) // PARTS
    ranked = sorted(values, key=lambda each: (values[each], each))
    if number not in ranked[len(ranked) - count :]:
        return None
    best = [each for each in ranked[:count] if each in here]
    return random.Random(f"exploit {seed} {rung}").choice(best) if best else None


def explore(config: Mapping[str, Any], space: Space, names: Collection[str], seed: int,
            ticks: int) -> dict[str, Any]:  # fmt: skip
    """Change each of `names` a little in a copy of `config`; one whose condition fails stays.

    A number is multiplied by 0.8 or 1.25 within its range, a whole number changes by 1 at least, a
    categorical one is sometimes drawn anew. The same `seed` and `ticks` give the same changes.
    """
    source, changed = random.Random(f"explore {seed} {ticks}"), dict(config)
    for name in names:
        # Both are drawn for every name, so that the changes of one do not shift those of others.
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
    """Multiply within the range of the dimension; rounding must not undo the step of an integer."""
    scaled = value * factor
    if dimension.kind == "integer":
        scaled = max(round(scaled), value + 1) if factor > 1 else min(round(scaled), value - 1)
    found: float = min(max(scaled, dimension.low), dimension.high)
    return found
