"""Stacked MNIST: three random digits as the channels of an image, a thousand modes in all."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gensweep.data._idx import IdxSource
from gensweep.data._source import Chunk, Meta

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHANNELS = 3
COUNTS = {"train": 128_000, "test": 26_000}
"""Examples in PacGAN (arXiv:1712.04086, section 4.2), and samples that it evaluates."""
PART = 8_000
"""Examples that are composed at once."""


@dataclass(frozen=True)
class StackedMnist:
    """Images of three channels, each drawn from the same split of `digits` by a fixed seed.

    An example's class, 0 to 999, has its channels' digits.
    """

    digits: IdxSource

    @property
    def name(self) -> str:
        return self.digits.name

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(f"stacked 1 {COUNTS} {self.digits.fingerprint}".encode()).hexdigest()

    def meta(self) -> Meta:
        one = self.digits.meta()
        modes = one.classes**CHANNELS
        return replace(
            one,
            shape=(CHANNELS, *one.shape[1:]),
            classes=modes,
            class_names=tuple(f"{mode:0{CHANNELS}}" for mode in range(modes)),
            protocol=f"{self.name}: {CHANNELS} random digits of MNIST's own split as channels, "
            f"{COUNTS['train']:,} training examples",
            stacked=True,
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        whole = next(self.digits.chunks(split))
        images, labels = whole.x[:, 0], whole.y
        assert labels is not None  # files of IDX have labels
        drawn = self._drawn(split, len(images))
        place = len(self.digits.class_names) ** np.arange(CHANNELS)[::-1]
        for start in range(0, len(drawn), PART):
            chosen = drawn[start : start + PART]
            yield Chunk(images[chosen], labels[chosen] @ place)

    def _drawn(self, split: str, count: int) -> NDArray[np.int64]:
        """Draw which digits an example's channels are: [examples, channels]."""
        import numpy as np

        rng = np.random.Generator(np.random.PCG64([CHANNELS, split == "test"]))
        return rng.integers(count, size=(COUNTS[split], CHANNELS))
