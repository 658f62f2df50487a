"""Population-based training (arXiv:1711.09846): poor trials go on from the state of good ones.

Asynchronous, as in the paper: at each rung a trial is compared with those of its stratum that have
been there. One in the lowest quarter takes over (exploit) a trial of the highest quarter that is
in its pack: weights, optimiser moments, averages, buffers and hyperparameters. Its budget,
progress, seed, data order and noise stay its own. Then what is searched of a lane's scalars is
changed a little (explore).
"""

import random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gensweep.errors import UserError
from gensweep.space import Space, scopes
from gensweep.study import all_strata, conditions

if TYPE_CHECKING:
    from gensweep.lanes import LaneState
    from gensweep.sweep._sweep import Sweep

PARTS = 4
"""The lowest and the highest quarter."""
FACTORS = (0.8, 1.25)
REDRAWN = 0.25
"""Probability that a categorical one is drawn anew: Ray Tune's, as the paper leaves it open."""
LINEAGE = "lineage"
"""Of a lane's state and a trial's result: [{"images", "from", "params"}], a copy each."""
Lineage = list[dict[str, Any]]


def check_population(sweep: "Sweep") -> None:
    """`UserError` unless trials can take over each other's states."""
    if not sweep.pbt:
        return
    if sweep.pruner != "none":
        raise UserError(f"pbt stops no trial, but got pruner={sweep.pruner!r}: leave one out.")
    if sweep.repeats > 1:
        raise UserError(f"trials of pbt share states, so that seeds are no repeats, but got "
                        f"repeats={sweep.repeats}: leave one out.")  # fmt: skip
    if sweep.rungs < 2:
        raise UserError(f"`rungs >= 2` must hold with pbt, but got rungs={sweep.rungs}.")
    if not changing(sweep.model.config, sweep.space):
        fitting = [n for n, scope in scopes(sweep.model.config).items() if scope == "lane"]
        raise UserError("pbt changes hyperparameters under way, and none that can change is "
                        f"searched: search one of {', '.join(fitting)}.")  # fmt: skip


def check_lanes(sweep: "Sweep", packs: int) -> None:
    """`UserError` if every trial is alone in its pack, or so few that none can be the poorest."""
    if not sweep.pbt:
        return
    kinds = len(all_strata(sweep.space, sweep.strata))
    if sweep.trials < PARTS * kinds:
        each = f" for each value of {', '.join(sweep.strata)}" if sweep.strata else ""
        raise UserError(f"pbt compares quarters of the trials: it needs {PARTS}{each}, but got "
                        f"trials={sweep.trials}: use at least {PARTS * kinds}.")  # fmt: skip
    most = sweep.most_lanes(packs)
    lanes = most if sweep.width is None else min(sweep.width, most)
    if lanes < 2:
        raise UserError(f"pbt needs two trials in a pack, but got {sweep.trials} trials and "
                        f"{lanes} lanes: raise --trials or --width.")  # fmt: skip


def changing(config: Any, space: Space) -> list[str]:
    """What is searched and may change in the course of a trial."""
    return [name for name in space if scopes(config).get(name) == "lane"]


def planned(sweep: "Sweep") -> str:
    """What will happen, for the plan."""
    among = f" with the same {', '.join(sweep.strata)}" if sweep.strata else ""
    return (f"at each of {sweep.rungs - 1} evaluations the poorest quarter of trials{among} goes "
            "on from the best that are in its pack")  # fmt: skip


def copies(trials: Iterable[Mapping[str, Any]]) -> str:
    """How many there were, in a line; empty if there were none."""
    found = [len(trial[LINEAGE]) for trial in trials if trial.get(LINEAGE)]
    if not found:
        return ""
    return (f"{len(found)} trials took over others' states, {sum(found)} times in all; tables show "
            "values that they began with, the report and --json of results the later")  # fmt: skip


def scheduled(config: Mapping[str, Any], names: Collection[str]) -> dict[str, float]:
    """The values of a configuration that change, as metrics; words are left out."""
    values = {f"pbt/{name}": config[name] for name in names}
    return {n: float(v) for n, v in values.items() if isinstance(v, int | float)}


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


def exploited(target: "LaneState", source: "LaneState", config: Mapping[str, Any]) -> "LaneState":
    """The source's state with `config`, but with the target's progress, budget, seed and noise."""
    own = {name: t for name, t in target.tensors.items() if name.startswith("stream.")}
    tensors, meta = {**source.tensors, **own}, {**target.meta, "config": dict(config)}
    return replace(source, tensors=tensors, meta=meta)
