"""Which cure helps against mode collapse?

A plain GAN on a ring of eight modes, with and without each of four cures and in all combinations of
them: PacGAN's packing, the R1 penalty, instance noise and historical averaging, against the
learning rate. These go together in every combination; minibatch discrimination is refused beside
R1, and label smoothing and feature matching do not aim at modes. The report draws, for each cure,
the modes that trials found and their share of good samples, with it and without it; what else was
switched on averages out. `--data grid25` asks the same of 25 modes.
"""

import math
from collections.abc import Iterator, Sequence
from statistics import mean
from typing import Any

from gensweep.sweep import Chart, Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

CURES: dict[str, tuple[Any, Any]] = {
    "packing": (1, 4),
    "penalty": ("none", "r1"),
    "instance_noise": (False, True),
    "historical_averaging": (False, True),
}
"""Each without and with the cure."""
BINS = 5
"""Parts of the range of learning rates, over which trials are averaged."""
LOWEST, HIGHEST = 3e-4, 3e-2


def effects(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw what trials reached with and without each cure, over the learning rate."""
    for metric in ("modes", "high_quality"):
        for cure, choices in CURES.items():
            lines = {f"{cure}={value}": _means(trials, cure, value, metric) for value in choices}
            yield Chart(
                title=f"{metric} by {cure}", names=("log10 of learning_rate", metric), lines=lines,
                caption=f"Means of the trials in each of {BINS} parts of the range; those that "
                "diverged count as 0.",
            )  # fmt: skip


def _means(
    trials: Sequence[Any], cure: str, value: object, metric: str
) -> list[tuple[float, float]]:
    width = math.log10(HIGHEST / LOWEST) / BINS
    found: list[list[float]] = [[] for _ in range(BINS)]
    for trial in trials:
        if trial["params"][cure] == value:
            place = math.log10(trial["params"]["learning_rate"] / LOWEST) / width
            found[min(BINS - 1, int(place))].append(trial["metrics"].get(metric, 0.0))
    first = math.log10(LOWEST) + width / 2
    return [(first + width * i, mean(values)) for i, values in enumerate(found) if values]


SWEEP = Sweep(
    name="mode-collapse",
    model=CATALOG["gan"],
    space={
        **{cure: Categorical(choices) for cure, choices in CURES.items()},
        "learning_rate": Real(LOWEST, HIGHEST, log=True),
    },
    fixed={
        "hidden": 64,
        "batch_size": 128,
        "beta1": 0.0,
        "beta2": 0.99,
        "penalty_weight": 0.01,
        "noise_scale": 0.06,
        "history_weight": 1e-4,
    },
    data="ring8",
    trials=96,
    budget_images=200_000,
    cluster={"trials": 960, "budget_images": 2_000_000},
    width=6,
    sampler="random",  # an even sequence, dealt to 2^k combinations in turn, would couple them
    group_by="packing",
    figures=(effects,),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
