"""What does a VAE trade when its latent loss weighs more?

Latent size against KL weight and learning rate, on binarised pixels: the report draws distortion
against rate. Too high a latent loss and the posterior collapses, too high a reconstruction loss and
samples suffer: over the KL weight it draws the share of latent numbers that are active, the
distance of samples from the data and the error of reconstructions, and over the latent size the
bound, the active numbers and that error. Trials are ranked by the importance-weighted bound (500
samples, in nats).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gensweep.sweep import Chart, Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Integer, Real

SIZES = ((2, 5), (6, 18), (19, 64))
WEIGHTS = ((0.1, 0.5), (0.5, 2.0), (2.0, 10.0))
"""From and to: the parts of the ranges that are drawn as a line each."""
BY_SIZE = ("nll", "active_units", "reconstruction_error")
BY_WEIGHT = ("active share", "frechet", "reconstruction_error")
Trial = Any
Point = tuple[float, float]


def rate_distortion(trials: Sequence[Trial]) -> Iterator[Chart]:
    """Draw what a nat of rate buys, for each part of the latent sizes."""
    yield Chart(
        title="Distortion over rate", names=("rate (nats)", "distortion (nats)"),
        lines=_lines(trials, "latent_size", SIZES, lambda one: (_of(one, "rate"),
                                                                _of(one, "distortion"))),
        caption="From the right, where the KL weight is small, to the left: a posterior that tells "
        "nothing has rate 0, and the distortion of one image for all.",
    )  # fmt: skip


def over_weight(trials: Sequence[Trial]) -> Iterator[Chart]:
    """Draw what too high a latent loss, and too high a reconstruction loss, does."""
    for metric in BY_WEIGHT:
        yield Chart(
            title=f"{metric} by KL weight", names=("log10 of kl_weight", metric),
            lines=_lines(trials, "latent_size", SIZES,
                         lambda one, metric=metric: (math.log10(one["params"]["kl_weight"]),
                                                     _of(one, metric))),
        )  # fmt: skip


def over_size(trials: Sequence[Trial]) -> Iterator[Chart]:
    """Draw the effect of dimensionality."""
    for metric in BY_SIZE:
        yield Chart(
            title=f"{metric} by latent size", names=("log2 of latent_size", metric),
            lines=_lines(trials, "kl_weight", WEIGHTS,
                         lambda one, metric=metric: (math.log2(one["params"]["latent_size"]),
                                                     _of(one, metric))),
        )  # fmt: skip


def _of(trial: Trial, metric: str) -> float:
    """A trial's metric, not a number if it was not measured."""
    if metric == "active share":
        return _of(trial, "active_units") / float(trial["params"]["latent_size"])
    return float(trial["metrics"].get(metric, math.nan))


def _lines(
    trials: Sequence[Trial], by: str, parts: Sequence[Point], place: Callable[[Trial], Point]
) -> dict[str, list[Point]]:
    """Points of the trials of each part of a range, in their order from left to right."""
    return {
        f"{by} {low:g} to {high:g}": sorted(
            point for trial in trials if low <= trial["params"][by] <= high
            for point in [place(trial)] if all(map(math.isfinite, point))
        )
        for low, high in parts
    }  # fmt: skip


SWEEP = Sweep(
    name="vae-tradeoff",
    model=CATALOG["vae"],
    space={
        "latent_size": Integer(2, 64, log=True),
        "kl_weight": Real(0.1, 10.0, log=True),
        "learning_rate": Real(1e-4, 1e-2, log=True),
    },
    fixed={"decoder": "bernoulli", "binarise": "dynamic", "batch_size": 64},
    data="digits",
    trials=16,
    budget_images=400_000,
    cluster={"trials": 500, "budget_images": 10_000_000},
    target="nll",
    scatter=("rate", "distortion", "kl_weight"),
    figures=(rate_distortion, over_weight, over_size),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
