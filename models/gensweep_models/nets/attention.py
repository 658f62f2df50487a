"""Self-attention over the places of maps, as SAGAN has it (Zhang et al., arXiv:1805.08318).

B batch, C channels, N places of the map, N/4 those of keys and values.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from gensweep_models.nets.spectral import SpectralConv2d


class SelfAttention(nn.Module):
    """Adds to maps [B, C, H, W], H and W even, what each place gathers from all: x + gamma o.

    Gamma begins as 0: at first these are the maps themselves. All convolutions are spectrally
    normalised, queries and keys have C / 8 channels, values C / 2; keys and values are pooled, as
    in the authors' code (google/self-attention-gan, `non_local.py`). Section 3, equations 1 to 3.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query, self.key = (_one_by_one(channels, narrow) for _ in range(2))
        self.value, self.out = _one_by_one(channels, half), _one_by_one(half, channels)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        value = max_pool2d(self.value(x), 2).flatten(2)
        gathered = (value @ self.weights(x).mT).reshape(len(x), -1, *x.shape[2:])
        out: Tensor = x + self.gamma * self.out(gathered)
        return out

    def weights(self, x: Tensor) -> Tensor:
        """Return the attention of each place to the pooled ones, [B, N, N/4]."""
        query, key = self.query(x).flatten(2), max_pool2d(self.key(x), 2).flatten(2)
        weights: Tensor = (query.mT @ key).softmax(-1)
        return weights


def _one_by_one(inputs: int, outputs: int) -> nn.Module:
    return SpectralConv2d(inputs, outputs, 1, 1, 0, bias=False)
