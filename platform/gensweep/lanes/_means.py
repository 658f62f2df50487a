"""Means of what a lane's turns tell, over a stretch of its training."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


class Means:
    """Means by name since the beginning, or since `clear`; in whatever pieces values come."""

    def __init__(self, kept: Mapping[str, Any] | None = None):
        self._sums = {name: (float(total), int(n)) for name, (total, n) in (kept or {}).items()}

    def add(self, name: str, values: Tensor) -> None:
        """Values [N], in their order: one is added after the other."""
        total, count = self._sums.get(name, (0.0, 0))
        series = torch.cat([torch.tensor([total], dtype=torch.float64), values.double()])
        self._sums[name] = float(series.cumsum(0)[-1]), count + len(values)

    def told(self) -> dict[str, float]:
        """Name to mean."""
        return {name: total / count for name, (total, count) in self._sums.items()}

    def kept(self) -> dict[str, list[float]]:
        """What a new object goes on from, as JSON."""
        return {name: [total, count] for name, (total, count) in self._sums.items()}

    def clear(self) -> None:
        """Begin anew."""
        self._sums.clear()
