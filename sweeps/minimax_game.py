"""Why does plain gradient descent fail at a game, and what helps?

The smallest GAN: min over x, max over y of xy. Order of the players' steps, method and learning
rate. The report draws the path of each order and method (it spirals out, orbits, or spirals in),
how far trials end from the equilibrium, and the Dirac-GAN's paths under its regularisers.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

# First, so that Ctrl-C while the rest is imported is told in a line.
from gensweep.sweep import Chart, Sweep, main

# isort: split
from gensweep.lanes import Pack
from gensweep.testing import RandomExamples
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

ORDERS = ("at_once", "in_turn", "extragradient")
METHODS = ("gradient", "optimistic", "negative_momentum", "consensus")
OBJECTIVES = ("minimax", "non_saturating", "wasserstein")
REGULARISERS = ("none", "clipping", "wgan_gp", "instance_noise", "r1", "consensus")
STEPS, RATE = 60, 0.2
"""Of a path that is drawn, and its learning rate."""
Lines = dict[str, list[tuple[float, float]]]


def path(model: str, **params: Any) -> list[tuple[float, float]]:
    """Play a game from one start: it knows no chance and looks at no data, so any trial's path."""
    config = CATALOG[model].config(**params, learning_rate=RATE, starts=1)
    data = RandomExamples((2,), classes=0)
    pack = Pack(CATALOG[model], config, data, data, width=1, trace=False)
    pack.load(0, config, seed=0, budget_images=STEPS)
    found = []
    for _ in range(STEPS):
        x, y = (float(stack.flat[0, 0]) for stack in pack.stacks.values())
        found.append((x, y))
        pack.run(1)
    return found


def spirals(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw the path of each method under each order."""
    for order in ORDERS:
        lines = {method: path("bilinear", order=order, method=method) for method in METHODS}
        caption = f"{STEPS} steps from one start, learning rate {RATE}."
        yield Chart(title=f"min max xy, {order}", names=("x", "y"), lines=lines, caption=caption,
                    square=True)  # fmt: skip


def distances(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw the distance at the end over the learning rate."""
    ordered = sorted(trials, key=lambda one: one["params"]["learning_rate"])
    for order in ORDERS:
        lines: Lines = {method: [] for method in METHODS}
        for trial in ordered:
            distance = trial["metrics"].get("distance", 0.0)
            if trial["params"]["order"] == order and distance > 0:
                rate = trial["params"]["learning_rate"]
                lines[trial["params"]["method"]].append((math.log10(rate), math.log10(distance)))
        yield Chart(
            title=f"Distance from the equilibrium, {order}",
            names=("log10 of learning_rate", "log10 of distance when last measured (start: 0)"),
            lines=lines,
            caption="A trial that reached 0, or became infinite before it was measured, has no "
            "point.",
        )


def dirac_gans(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw paths of the Dirac-GAN of Mescheder et al., arXiv:1801.04406, with steps in turn."""
    for regulariser in REGULARISERS:
        lines = {objective: path("dirac_gan", objective=objective, regulariser=regulariser)
                 for objective in OBJECTIVES}  # fmt: skip
        caption = f"{STEPS} steps from one start, learning rate {RATE}."
        yield Chart(title=f"Dirac-GAN, {regulariser}", names=("theta", "psi"), lines=lines,
                    caption=caption, square=True)  # fmt: skip


SWEEP = Sweep(
    name="minimax-game",
    model=CATALOG["bilinear"],
    space={
        "order": Categorical(ORDERS),
        "method": Categorical(METHODS),
        "learning_rate": Real(0.02, 1.5, log=True),
    },
    data="ring8",
    trials=96,
    budget_images=400,
    cluster={"trials": 960, "budget_images": 4000},
    width=8,
    sampler="qmc",
    group_by="method",
    target="distance",
    figures=(spirals, distances, dirac_gans),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
