"""A data set of random examples, for checks that need shapes and no meaning."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomExamples:
    """Images in [-1, 1] at `levels` grey levels, or points, with classes; the same each time."""

    shape: tuple[int, ...] = (1, 8, 8)
    classes: int = 3
    count: int = 64
    levels: int = 255

    @property
    def x(self) -> Tensor:
        """Make all examples, `[count, *shape]`."""
        source = torch.Generator().manual_seed(0)
        if len(self.shape) != 3:
            return torch.randn(self.count, *self.shape, generator=source)
        grey = torch.randint(0, self.levels + 1, (self.count, *self.shape), generator=source)
        return 2 * grey / self.levels - 1

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        """Return the examples at `indices` as training sees them: x and, with classes, y."""
        labels = {"y": indices % self.classes} if self.classes else {}
        return {"x": self.x[indices], **labels}
