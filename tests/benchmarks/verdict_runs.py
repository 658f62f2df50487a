"""Runs made to be healthy or to fail in a known way: what is trained, on what, and what one sees.

A run that lacks modes is trained on the others alone, so that its label is no matter of taste.
What a person sees was decided by the pictures of the samples at the end, before the verdicts of the
held-out rows were looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gensweep.trial import Outcome

CONVERGED, UNCONVERGED = frozenset({Outcome.CONVERGED}), frozenset({Outcome.UNCONVERGED})
COLLAPSED, DIVERGED = frozenset({Outcome.COLLAPSED}), frozenset({Outcome.DIVERGED})
FAILED = COLLAPSED | UNCONVERGED
"""Of runs that end elsewhere with each seed, but neither with the data nor at infinity."""
MOONS = "moons.npy"


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Trials with one label: an entry of the catalogue, its settings, and the data it sees."""

    label: str
    """How it was made to be healthy, or to fail."""
    sees: frozenset[Outcome]
    """The verdicts that are right, as a person judges its samples."""
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
SMALL = {"hidden": 64, "layers": 2, "ema": 0.99}
MNIST_VAE = {"binarise": "dynamic", "hidden": 128, "latent_size": 16}
UNBOUNDED = {"hidden": 64, "optimizer": "sgd", "clip": 1e6}
CIRCLING = {"beta1": 0.9, "decay": False}
"""Momentum turns the players around the equilibrium: Gidel et al., arXiv:1807.04740."""


def _runs(label: str, sees: frozenset[Outcome], data: str, entry: str, rate: float, images: int,
          settings: Mapping[str, Any], *only: int) -> Runs:  # fmt: skip
    return Runs(label=label, sees=sees, data=data, entry=entry, rate=rate, images=images,
                settings=settings, only=only)  # fmt: skip


DEVELOPMENT = [
    _runs("healthy", CONVERGED, "ring8", "r3gan", 3e-3, 512_000, RING),
    _runs("healthy", CONVERGED, "digits", "vae", 3e-3, 128_000, VAE),
    _runs("healthy", CONVERGED, "digits", "wgan_gp", 1e-3, 256_000, IMAGES),
    _runs("one mode", COLLAPSED, "ring8", "r3gan", 3e-3, 128_000, RING, 3),
    _runs("one mode", COLLAPSED, "digits", "wgan_gp", 1e-3, 128_000, IMAGES, 4),
    _runs("some modes", COLLAPSED, "ring8", "r3gan", 3e-3, 128_000, RING, 0, 1, 2, 3, 4),
    _runs("some modes", UNCONVERGED, "digits", "wgan_gp", 1e-3, 256_000, IMAGES, 0, 1, 2, 3, 4, 5),
    _runs("oscillating", FAILED, "ring8", "gan", 3e-3, 256_000, PLAIN | CIRCLING),
    _runs("oscillating", COLLAPSED, "digits", "gan", 3e-3, 128_000, IMAGES | CIRCLING),
    _runs("saturated critic", FAILED, "ring8", "gan", 1e-3, 128_000,
          PLAIN | {"objective": "minimax", "critic_iterations": 20}),
    _runs("saturated critic", FAILED, "digits", "gan", 2e-3, 128_000,
          IMAGES | {"objective": "minimax", "critic_iterations": 5}),
    _runs("posterior collapse", COLLAPSED, "digits", "vae", 2e-3, 64_000,
          VAE | {"kl_weight": 30.0}),
    _runs("posterior collapse", COLLAPSED, "digits", "vae", 1e-3, 64_000,
          VAE | {"kl_weight": 10.0}),
    _runs("diverged", DIVERGED, "ring8", "gan", 30.0, 64_000,
          PLAIN | {"optimizer": "sgd", "objective": "wasserstein", "clip": 1e6}),
    _runs("diverged", DIVERGED, "digits", "vae", 3.0, 64_000, VAE),
    _runs("too short", UNCONVERGED, "ring8", "r3gan", 3e-3, 6_000, RING),
    _runs("too short", UNCONVERGED, "grid25", "r3gan", 3e-3, 512_000, RING),
    _runs("too high a rate", FAILED, "grid25", "r3gan", 0.3, 32_000, RING),
    _runs("oscillating", FAILED, MOONS, "gan", 5e-3, 96_000, PLAIN | CIRCLING),
]  # fmt: skip
"""Those by which bounds were chosen."""

HELD_OUT = [
    _runs("healthy", CONVERGED, MOONS, "realnvp", 2e-3, 128_000, {"couplings": 6, "hidden": 64}),
    _runs("healthy", CONVERGED, "digits", "sngan", 3e-3, 192_000, SMALL),
    _runs("healthy", CONVERGED, "grid25", "flow_matching", 2e-3, 256_000, {"hidden": 64}),
    _runs("one mode", COLLAPSED, "grid25", "r3gan", 3e-3, 96_000, RING, 12),
    _runs("some modes", COLLAPSED, "mnist", "vae", 2e-3, 64_000, MNIST_VAE, 0, 1, 7),
    _runs("some modes", UNCONVERGED, "digits", "vae", 3e-3, 96_000, VAE, *range(8)),
    _runs("posterior collapse", COLLAPSED, "digits", "beta_vae", 2e-3, 48_000,
          {"hidden": 128, "latent_size": 8, "channels": 16, "kl_weight": 40.0, "ema": 0.99}),
    _runs("posterior collapse", COLLAPSED, "mnist", "vae", 2e-3, 32_000,
          {"hidden": 128, "latent_size": 16, "kl_weight": 20.0}),
    _runs("too short", FAILED, "digits", "wgan_gp", 1e-3, 3_000, IMAGES),
    _runs("too short", FAILED, "grid25", "wgan_gp", 1e-3, 6_000,
          {"hidden": 64, "layers": 2, "latent_size": 16, "batch_size": 128}),
    _runs("diverged", DIVERGED, MOONS, "nice", 3.0, 64_000, {"hidden": 64, "layers": 2}),
    _runs("diverged", DIVERGED, MOONS, "wgan", 30.0, 12_000, UNBOUNDED),
    _runs("diverged", DIVERGED, "mnist", "wgan", 30.0, 16_000, UNBOUNDED),
]  # fmt: skip
"""Those that were labelled by their pictures before any verdict on them was seen."""


def write_moons(path: Path) -> None:
    """Write 4,000 points of two half circles: a table of points, whose modes nobody tells."""
    random = np.random.default_rng(0)
    angle, lower = random.uniform(0, np.pi, 4000), np.arange(4000) % 2
    x = np.cos(angle) + lower
    y = np.where(lower, 0.5 - np.sin(angle), np.sin(angle))
    np.save(path, (np.stack([x, y], 1) + random.normal(0, 0.05, (4000, 2))).astype(np.float32))
