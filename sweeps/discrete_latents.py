"""How many codes does an image need, how long, and how should they learn?

VQ-VAEs whose codebooks have 8 to 128 codes of 2 or 8 numbers, which learn by gradient or follow
averages, against the weight of the commitment. A codebook of which few codes are in use tells
little, whatever its size: the report draws the error of reconstructions and the distance of samples
from the data over the perplexity, the number of codes in use, and all three over the codebook's
size and over the commitment.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from statistics import mean
from typing import Any

from gensweep.sweep import Chart, Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

CODES, SIZES, UPDATES = (8, 32, 128), (2, 8), ("gradient", "ema")
LOWEST, HIGHEST = 0.05, 5.0
METRICS = ("perplexity", "reconstruction_error", "frechet")
Trial = Any
Point = tuple[float, float]


def over_perplexity(trials: Sequence[Trial]) -> Iterator[Chart]:
    """Draw what codes in use are worth."""
    for metric in METRICS[1:]:
        lines = {
            name: sorted((_of(one, "perplexity"), _of(one, metric)) for one in some)
            for name, some in _groups(trials).items()
        }
        yield Chart(title=f"{metric} by perplexity", names=("perplexity", metric), lines=lines)


def over_codes(trials: Sequence[Trial]) -> Iterator[Chart]:
    """Draw means over the size of the codebook."""
    for metric in METRICS:
        lines = {
            name: _means(some, lambda one: math.log2(one["params"]["codes"]), metric)
            for name, some in _groups(trials).items()
        }
        yield Chart(
            title=f"{metric} by codes", names=("log2 of codes", metric), lines=lines,
            caption="Means of the trials, whatever the weight of their commitment.",
        )  # fmt: skip


def over_commitment(trials: Sequence[Trial]) -> Iterator[Chart]:
    """Draw single trials over the pull of the codes on the encoder, for each size of a codebook."""
    for metric in METRICS:
        lines: dict[str, list[Point]] = {}
        for one in trials:
            params, value = one["params"], _of(one, metric)
            if math.isfinite(value):
                at = math.log10(params["commitment_weight"])
                name = f"{params['codes']} codes, {params['codebook']}"
                lines.setdefault(name, []).append((at, value))
        yield Chart(
            title=f"{metric} by commitment", names=("log10 of commitment_weight", metric),
            lines={name: sorted(lines[name]) for name in sorted(lines)},
        )  # fmt: skip


def _groups(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Trials that were measured, by how their codes learn and by the length of these."""
    return {
        f"{update}, codes of {size}": [
            one for one in trials
            if (one["params"]["codebook"], one["params"]["code_size"]) == (update, size)
            and all(math.isfinite(_of(one, metric)) for metric in METRICS)
        ]
        for update in UPDATES for size in SIZES
    }  # fmt: skip


def _of(trial: Trial, metric: str) -> float:
    """A trial's metric, not a number if it was not measured."""
    return float(trial["metrics"].get(metric, math.nan))


def _means(trials: Sequence[Trial], place: Callable[[Trial], float], metric: str) -> list[Point]:
    found: dict[float, list[float]] = {}
    for one in trials:
        found.setdefault(place(one), []).append(_of(one, metric))
    return [(at, mean(values)) for at, values in sorted(found.items())]


SWEEP = Sweep(
    name="discrete-latents",
    model=CATALOG["vqvae"],
    space={
        "codes": Categorical(CODES),
        "code_size": Categorical(SIZES),
        "codebook": Categorical(UPDATES),
        "commitment_weight": Real(LOWEST, HIGHEST, log=True),
    },
    fixed={
        "channels": 32,
        "blocks": 1,
        "prior_channels": 32,
        "prior_layers": 3,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "ema": 0.99,
    },
    data="digits",
    trials=36,
    budget_images=60_000,
    cluster={"trials": 240, "budget_images": 1_000_000},
    width=3,
    sampler="qmc",
    group_by="codebook",
    scatter=("perplexity", "reconstruction_error", "codes"),
    sampling_grids={"temperature": ()},
    figures=(over_perplexity, over_codes, over_commitment),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
