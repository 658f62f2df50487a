"""Grey levels as numbers of a flow: with noise added, and from [0, 1] to the real line.

B batch, D dimensions of a flattened example; images are in [-1, 1] and have `levels` grey levels.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid


@dataclass(frozen=True, slots=True)
class Pixels:
    """The map from grey levels and noise to what a flow models.

    v in [0, 1) is the noisy pixel. `alpha` > 0: it passes through logit(alpha + (1 - 2 alpha) v)
    (RealNVP, arXiv:1605.08803, section 4.1); 0: it is moved to [-1/2, 1/2), as Glow does.
    """

    levels: int
    alpha: float
    coarse: bool = False
    """Whether images have other levels, and are rounded to these first."""

    def dequantised(self, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """`x` [B, *shape] with the noise `u` in [0, 1), as [B, D], and the log-determinant [B]."""
        levels, alpha = self.levels, self.alpha
        level = (x + 1) / 2 * (levels - 1)
        v = ((level.round() if self.coarse else level) + u).flatten(1) / levels
        rate = math.log((1 - 2 * alpha) * (levels - 1) / (2 * levels))
        if not alpha:
            return v - 0.5, v.new_full((len(v),), rate * v.shape[1])
        y = torch.logit(alpha + (1 - 2 * alpha) * v)
        return y, (rate - logsigmoid(y) - logsigmoid(-y)).sum(-1)

    def quantised(self, y: Tensor) -> Tensor:
        """Examples [B, D] of `y` [B, D]: the grey level that each number falls into."""
        levels, alpha = self.levels, self.alpha
        v = (y.sigmoid() - alpha) / (1 - 2 * alpha) if alpha else y + 0.5
        level = (v * levels).floor().clamp(0, levels - 1)
        return 2 * level / (levels - 1) - 1
