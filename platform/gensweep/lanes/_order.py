"""The order in which a lane sees the data: one permutation after the other, an epoch each."""

import torch
from torch import Tensor

from gensweep.lanes._generators import generator


class DataOrder:
    """Indices into `count` examples as a function of (seed, images seen), so nothing is stored.

    Examples that do not fill a batch at the end of an epoch begin the next one.
    """

    def __init__(self, seed: int, count: int):
        self.seed, self.count = seed, count
        self._epoch = -1
        self._permutation = torch.empty(0, dtype=torch.long)

    def indices(self, seen: int, number: int) -> Tensor:
        """Return the `number` indices that follow the first `seen`: int64 `[number]`."""
        parts = []
        while number:
            epoch, start = divmod(seen, self.count)
            part = self._shuffled(epoch)[start : start + number]
            parts.append(part)
            seen, number = seen + len(part), number - len(part)
        return torch.cat(parts)

    def _shuffled(self, epoch: int) -> Tensor:
        # A seed for each epoch: a resumed trial needs no replay of the permutations before.
        if epoch != self._epoch:
            source = generator(self.seed, "order", epoch)
            self._epoch, self._permutation = epoch, torch.randperm(self.count, generator=source)
        return self._permutation
