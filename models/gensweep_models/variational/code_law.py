"""The normal law of an autoencoder's codes, by which it has samples. B batch, Z latent."""

import torch
from torch import Tensor, nn

MOMENTUM = 0.01
"""Weight of a batch against those before it, from the hundredth on; until then all weigh alike."""
RIDGE = 1e-4
"""Added to a correlation matrix's diagonal, without which rounding may leave it without a root."""


class CodeLaw(nn.Module):
    """Keeps the running mean and covariance of the codes [B, Z] that it is called with.

    Before that it is the standard normal law. Codes that are always zero, as padded ones are, stay
    so, and leave the others' law as it is.
    """

    mean: Tensor
    covariance: Tensor
    batches: Tensor

    def __init__(self, latent: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(latent))
        self.register_buffer("covariance", torch.eye(latent))
        self.register_buffer("batches", torch.zeros(()))

    def forward(self, codes: Tensor) -> None:
        if not self.training:
            return
        codes, count = codes.detach(), self.batches + 1
        weight = (1 / count).clamp(min=MOMENTUM)
        mean = codes.mean(0)
        step, apart = mean - self.mean, codes - mean
        # that of a mixture of what was there and the batch, so that it has no negative variance
        between = (1 - weight) * torch.outer(step, step)
        within = apart.mT @ apart / codes.shape[0]
        old = (1 - weight) * self.covariance
        self.covariance.copy_(old + weight * (within + between))
        self.mean.copy_(self.mean + weight * step)
        self.batches.copy_(count)

    def draw(self, normal: Tensor) -> Tensor:
        """Codes [N, Z] of that law, from standard normal numbers [N, Z]."""
        spread = self.covariance.diagonal().sqrt()
        size = spread.clamp(min=1e-12)
        correlation = self.covariance / (size[:, None] * size)
        ridged = correlation + torch.diag(torch.where(spread > 0, RIDGE, 1.0))
        # that of a lane which diverged has no root, and must not stop the others
        root, _ = torch.linalg.cholesky_ex(ridged)
        codes: Tensor = self.mean + (normal @ root.mT) * spread
        return codes
