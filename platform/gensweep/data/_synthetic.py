"""Data sets that need no files: digits, and two mixtures of Gaussians."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass

from gensweep.data._source import Chunk, Meta
from gensweep.data._splits import every_nth

POINTS = {"train": 100_000, "test": 20_000}


@dataclass(frozen=True)
class Digits:
    """1797 handwritten digits, 8x8 with 17 grey levels (UCI optical recognition, test part)."""

    name: str = "digits"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(b"digits 1").hexdigest()

    def meta(self) -> Meta:
        return Meta(
            shape=(1, 8, 8),
            classes=10,
            class_names=tuple("0123456789"),
            levels=16,
            protocol="scikit-learn digits; test: every fifth example of each class",
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images = bunch.images.astype(np.uint8)[:, None]
        labels = bunch.target.astype(np.int64)
        chosen = every_nth(labels.tolist(), 5) == (split == "test")
        yield Chunk(images[chosen], labels[chosen])


@dataclass(frozen=True)
class Mixture:
    """Points from equally likely round Gaussians, as in PacGAN (arXiv:1712.04086)."""

    name: str
    modes: tuple[tuple[float, float], ...]
    std: float

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"{self.name} 1 {self.modes} {self.std}".encode()).hexdigest()

    def meta(self) -> Meta:
        return Meta(
            shape=(2,),
            levels=0,
            modes=self.modes,
            mode_std=self.std,
            protocol=f"PacGAN's {self.name}: {len(self.modes)} modes, std {self.std}, "
            f"{POINTS['train']} training points",
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        rng = np.random.Generator(np.random.PCG64([len(self.modes), split == "test"]))
        centres = np.array(self.modes)[rng.integers(len(self.modes), size=POINTS[split])]
        yield Chunk((centres + self.std * rng.standard_normal(centres.shape)).astype(np.float32))


def ring8() -> Mixture:
    """Make the mixture of eight modes on the unit circle, std 0.01."""
    angles = [2 * math.pi * k / 8 for k in range(8)]
    return Mixture("ring8", tuple((math.cos(a), math.sin(a)) for a in angles), 0.01)


def grid25() -> Mixture:
    """Make the mixture of twenty-five modes at {-4, -2, 0, 2, 4}², std 0.05."""
    ticks = (-4.0, -2.0, 0.0, 2.0, 4.0)
    return Mixture("grid25", tuple((x, y) for x in ticks for y in ticks), 0.05)
