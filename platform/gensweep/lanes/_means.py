"""Means of the losses and metrics of a lane over a stretch of its training."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Means:
    """Running means by name since the beginning, or since `clear`.

    The same values give the same bits, in whatever pieces they come.
    """

    def __init__(self, kept: Mapping[str, Any] | None = None):
        self._sums = {name: (float(total), int(n)) for name, (total, n) in (kept or {}).items()}

    def add(self, name: str, values: Tensor) -> None:
        """Add values [N] in their order."""
        total, count = self._sums.get(name, (0.0, 0))
        # A tree sum would depend on where the pieces end; a running one does not.
        series = torch.cat([torch.tensor([total], dtype=torch.float64), values.double()])
        self._sums[name] = float(series.cumsum(0)[-1]), count + len(values)

    def averages(self) -> dict[str, float]:
        """Return name to mean."""
        return {name: total / count for name, (total, count) in self._sums.items()}

    def to_json(self) -> dict[str, list[float]]:
        """Return the sums and counts that a new object continues from, as JSON."""
        return {name: [total, count] for name, (total, count) in self._sums.items()}

    def clear(self) -> None:
        """Forget all values."""
        self._sums.clear()
