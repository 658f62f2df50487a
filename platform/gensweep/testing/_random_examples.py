"""A data set of random examples, for checks that need shapes and no meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class RandomExamples:
    """Images in [-1, 1] at `levels` grey levels, or points, with classes; the same each time."""

    shape: tuple[int, ...] = (1, 8, 8)
    classes: int = 3
    count: int = 64
    levels: int = 255
    class_names: tuple[str, ...] = ()
    class_shares: tuple[float, ...] = ()
    columns: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Type, shape and levels of each other column, as a data set describes them."""

    @classmethod
    def like(cls, data: Any) -> "RandomExamples":
        """Take the shapes, classes and columns of `data`."""
        told = {n: getattr(data, n) for n in ("class_names", "class_shares", "columns")
                if hasattr(data, n)}  # fmt: skip
        levels = int(getattr(data, "levels", 255))
        return cls(tuple(data.shape), data.classes, levels=levels, **told)

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
        columns = {name: _column(self.count, one)[indices] for name, one in self.columns.items()}
        return {"x": self.x[indices], **labels, **columns}


def _column(count: int, about: Mapping[str, Any]) -> Tensor:
    """Make a column of images in [-1, 1], of whole numbers from 0 to its levels, or of others."""
    source = torch.Generator().manual_seed(prod(about["shape"]))
    shape = (count, *about["shape"])
    if about["dtype"] == "int64":
        return torch.randint(0, about["levels"] + 1, shape, generator=source)
    return 2 * torch.rand(shape, generator=source) - 1
