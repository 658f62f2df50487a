"""Rows of the tables of modes: a system, the settings it has here, and what papers say of it.

Settings were found by short searches with seeds below 100. Papers train for 40 million images
(mixtures) or 6.4 million (Stacked MNIST), with wider networks; budgets here suit one core.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Settings = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """An entry of the catalogue with settings, trials of so many images, and a paper's figures."""

    entry: str = "gan"
    settings: Settings = field(default_factory=dict)
    images: int
    seeds: int = 10
    paper: str = "none"
    """Modes, high quality and reverse KL, or modes and KL, with the source."""


RING = {
    "hidden": 64, "layers": 3, "batch_size": 128, "latent_size": 16, "learning_rate": 4e-3,
    "beta1": 0.0, "beta2": 0.99,
}  # fmt: skip
GRID = {"batch_size": 64, "latent_size": 64, "learning_rate": 3e-3, "point_scale": 4.0}
"""What else the grid has: networks see it, which reaches from -4 to 4, as large as the ring."""
CURES: dict[str, tuple[str, Settings]] = {
    "gan": ("gan", {}),
    "minibatch discrimination": ("gan", {"minibatch_kernels": 16}),
    "instance noise": ("gan", {"instance_noise": True, "noise_scale": 0.06}),
    "historical averaging": ("gan", {"historical_averaging": True, "history_weight": 1e-4}),
    "r1": ("gan", {"penalty": "r1", "penalty_weight": 0.01}),
    "pacgan2": ("gan", {"learning_rate": 8e-3, "packing": 2}),
    "pacgan4": ("gan", {"learning_rate": 8e-3, "packing": 4}),
    "wgan_gp": ("wgan_gp", {"learning_rate": 3e-3, "penalty_weight": 0.3, "critic_iterations": 2}),
    "sngan": ("sngan", {"learning_rate": 1e-2}),
}
"""Entry and settings of each row but the last one, R3GAN."""


def mixture(
    images: int, seeds: int, papers: Mapping[str, str], base: Settings, best: Row
) -> dict[str, Row]:
    """Make the rows of a mixture of points: the cures on one network, and R3GAN."""
    rows = {
        name: Row(entry=entry, settings={**base, **settings}, images=images, seeds=seeds,
                  paper=papers.get(name, "none"))
        for name, (entry, settings) in CURES.items()
    }  # fmt: skip
    return rows | {"r3gan": best}


STACK = {
    "hidden": 32, "batch_size": 64, "latent_size": 32, "ema": 0.99, "learning_rate": 1e-3,
}  # fmt: skip
"""Of convolutional networks, whose narrowest maps are then 16."""


def stacked(entry: str = "gan", paper: str = "none", **settings: Any) -> Row:
    """Make a row of Stacked MNIST."""
    return Row(entry=entry, settings=STACK | settings, images=32_000, seeds=2, paper=paper)


ROWS: dict[str, dict[str, Row]] = {
    "ring8": mixture(
        512_000, 10,
        {
            "gan": "6.3 ± 0.5, 98.2 ± 0.2 %, 0.45 ± 0.09 [P1]; 1, 99.3 % [V]",
            "pacgan2": "7.9 ± 0.1, 95.6 ± 2.0 %, 0.07 ± 0.03 [P1]",
            "pacgan4": "7.8 ± 0.1, 95.9 ± 1.4 %, 0.07 ± 0.02 [P1]",
        },
        RING,
        Row(entry="r3gan", images=512_000, settings={
            "layers": 2, "latent_size": 16, "learning_rate": 3e-3, "penalty_weight": 0.005,
        }),
    ),
    "grid25": mixture(
        1_024_000, 10,
        {
            "gan": "17.3 ± 0.8, 94.8 ± 0.7 %, 0.70 ± 0.07 [P1]; 3.3, 0.5 % [V]",
            "pacgan2": "23.8 ± 0.7, 91.3 ± 0.8 %, 0.13 ± 0.04 [P1]",
            "pacgan4": "24.8 ± 0.2, 93.6 ± 0.6 %, 0.04 ± 0.01 [P1]",
        },
        RING | GRID,
        Row(entry="r3gan", images=1_024_000, settings=RING | GRID | {"penalty_weight": 0.02}),
    ),
    "stacked_mnist": {
        "gan": stacked(paper="78.9 ± 6.5, 4.50 ± 0.13 [P2]; 99, 3.40 [V]"),
        "pacgan2": stacked(packing=2, paper="1000 ± 0, 0.06 ± 0.00 [P2]"),
        "wgan_gp": stacked("wgan_gp", critic_iterations=2),
        "sngan": stacked("sngan", critic_iterations=1),
        "r3gan": stacked("r3gan", beta2=0.99, penalty_weight=1.0, paper="1000, 0.029 [R]"),
    },
}  # fmt: skip
