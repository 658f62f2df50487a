"""A critic's head that knows the class: the projection discriminator.

Miyato and Koyama, arXiv:1802.05637. B batch, F features.
"""

import torch
from torch import Tensor, nn

from gensweep_models.nets.spectral import SpectralLinear


def one_hot(y: Tensor, classes: int) -> Tensor:
    """Make float32 [..., classes] of classes [...], 1 at the class.

    torch's own looks at the values, which no trace may.
    """
    return (y[..., None] == torch.arange(classes, device=y.device)).float()


class Projection(nn.Module):
    """Scores features [B, F] of examples of classes [B]: psi(f) + <V y, f>, [B]; equation 3.

    Without classes (0) it is psi alone, a linear function.
    """

    def __init__(self, features: int, classes: int, spectral: bool = True) -> None:
        super().__init__()
        self.classes = classes
        self.linear = SpectralLinear(features, 1) if spectral else nn.Linear(features, 1)
        # A linear function of one-hot classes is an embedding, and has its singular values.
        if classes:
            layer = SpectralLinear if spectral else nn.Linear
            self.embedding = layer(classes, features, bias=False)

    def forward(self, features: Tensor, y: Tensor | None = None) -> Tensor:
        score: Tensor = self.linear(features).squeeze(-1)
        if y is None:
            return score
        embedded: Tensor = self.embedding(one_hot(y, self.classes))
        return score + (embedded * features).sum(-1)
