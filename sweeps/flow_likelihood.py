"""How many couplings does a flow need, and how deep a network in each?

RealNVPs of two to sixteen couplings, whose conditioners have one or two hidden layers, against the
learning rate, on handwritten digits. The report draws the likelihood of held-out digits over the
number of couplings.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from gensweep.sweep import Chart, Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

COUPLINGS, LAYERS = (2, 4, 8, 16), (1, 2)


def by_couplings(trials: Sequence[Any]) -> Iterator[Chart]:
    """Draw the best likelihood of each depth over the number of couplings."""
    lines = {f"{layers} hidden layers": _best(trials, layers) for layers in LAYERS}
    yield Chart(title="Bits a dimension by couplings", names=("couplings", "bits per dim"),
                lines=lines, caption="The best of the trials with so many couplings, whatever "
                "their learning rate; less is better.")  # fmt: skip


def _best(trials: Sequence[Any], layers: int) -> list[tuple[float, float]]:
    found: dict[int, float] = {}
    for trial in trials:
        if trial["params"]["layers"] == layers and "bits_per_dim" in trial["metrics"]:
            count = trial["params"]["couplings"]
            found[count] = min(found.get(count, float("inf")), trial["metrics"]["bits_per_dim"])
    return sorted(found.items())


SWEEP = Sweep(
    name="flow-likelihood",
    model=CATALOG["realnvp"],
    space={
        "couplings": Categorical(COUPLINGS),
        "layers": Categorical(LAYERS),
        "learning_rate": Real(1e-4, 1e-2, log=True),
    },
    fixed={"hidden": 64},
    data="digits",
    target="nll",
    trials=48,
    budget_images=60_000,
    cluster={"trials": 480, "budget_images": 2_000_000},
    sampler="qmc",
    group_by="couplings",
    figures=(by_couplings,),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
