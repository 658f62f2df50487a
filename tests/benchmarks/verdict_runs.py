"""Runs made to be healthy or to fail in a known way: what is trained, on what, and their label.

A run that lacks modes is trained on the others alone, so that its label is no matter of taste.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gensweep.trial import Outcome

FAILED = frozenset({Outcome.COLLAPSED, Outcome.UNCONVERGED})
RIGHT = {
    "healthy": frozenset({Outcome.CONVERGED}),
    "one mode": frozenset({Outcome.COLLAPSED}),
    "some modes": FAILED,
    "oscillating": FAILED,
    "saturated critic": FAILED,
    "posterior collapse": frozenset({Outcome.COLLAPSED}),
    "diverged": frozenset({Outcome.DIVERGED}),
}
"""Label to the verdicts that are right. Whether what lacks some modes has collapsed depends on how
many; a player that circles, or learns nothing, may be anywhere, but neither with the data nor at
infinity."""


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Trials with one label: an entry of the catalogue, its settings, and the data it sees."""

    label: str
    data: str
    entry: str
    rate: float
    """The learning rate; trials differ by a tenth of it, and by their seeds."""
    images: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    only: tuple[int, ...] = ()
    """The modes, or classes, whose examples are seen; empty: all."""


RING = {"layers": 2, "latent_size": 16, "penalty_weight": 0.005}
PLAIN = {"hidden": 64, "batch_size": 128}
VAE = {"binarise": "dynamic", "hidden": 128, "latent_size": 8}
IMAGES = {"hidden": 128, "batch_size": 64}
CIRCLING = {"beta1": 0.9, "decay": False}
"""Momentum turns the players around the equilibrium: Gidel et al., arXiv:1807.04740."""


def _runs(label: str, data: str, entry: str, rate: float, images: int, settings: Mapping[str, Any],
          *only: int) -> Runs:  # fmt: skip
    return Runs(label=label, data=data, entry=entry, rate=rate, images=images, settings=settings,
                only=only)  # fmt: skip


RUNS = [
    _runs("healthy", "ring8", "r3gan", 3e-3, 512_000, RING),
    _runs("healthy", "digits", "vae", 3e-3, 128_000, VAE),
    _runs("healthy", "digits", "wgan_gp", 1e-3, 256_000, IMAGES),
    _runs("one mode", "ring8", "r3gan", 3e-3, 128_000, RING, 3),
    _runs("one mode", "digits", "wgan_gp", 1e-3, 128_000, IMAGES, 4),
    _runs("some modes", "ring8", "r3gan", 3e-3, 128_000, RING, 0, 1, 2, 3, 4),
    _runs("some modes", "digits", "wgan_gp", 1e-3, 256_000, IMAGES, 0, 1, 2, 3, 4, 5),
    _runs("oscillating", "ring8", "gan", 3e-3, 256_000, PLAIN | CIRCLING),
    _runs("oscillating", "digits", "gan", 3e-3, 128_000, IMAGES | CIRCLING),
    _runs("saturated critic", "ring8", "gan", 1e-3, 128_000,
          PLAIN | {"objective": "minimax", "critic_iterations": 20}),
    _runs("saturated critic", "digits", "gan", 2e-3, 128_000,
          IMAGES | {"objective": "minimax", "critic_iterations": 5}),
    _runs("posterior collapse", "digits", "vae", 2e-3, 64_000, VAE | {"kl_weight": 30.0}),
    _runs("posterior collapse", "digits", "vae", 1e-3, 64_000, VAE | {"kl_weight": 10.0}),
    _runs("diverged", "ring8", "gan", 30.0, 64_000,
          PLAIN | {"optimizer": "sgd", "objective": "wasserstein", "clip": 1e6}),
    _runs("diverged", "digits", "vae", 3.0, 64_000, VAE),
]  # fmt: skip
