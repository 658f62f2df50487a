"""Codes of an autoencoder that a diffusion learns: nearly normal, or a codebook's.

Rombach et al., arXiv:2112.10752, section 3.1 and appendix G. B batch, D numbers of a code, of which
an image has many: [B, ..., D].
"""

import torch
from torch import Tensor, nn

from gensweep_models.discrete.codebook import Codebook
from gensweep_models.game import Loss, Net, Tensors
from gensweep_models.variational.posterior import Posterior

LOG_VARIANCES = (-30.0, 20.0)
"""Least and most of a code, as in the authors' code."""


class NormalCodes(nn.Module):
    """Codes of a normal posterior, of which vectors [..., 2 D] tell the mean and log-variance."""

    def mean(self, z: Tensor) -> Tensor:
        """The code that is most probable."""
        return z.chunk(2, -1)[0]

    def posterior(self, z: Tensor) -> Posterior:
        """The posterior of codes [B, ..., D]."""
        mean, log_variance = z.chunk(2, -1)
        return Posterior(mean, log_variance.clamp(*LOG_VARIANCES))

    def drawn(self, z: Tensor, noise: Tensors) -> Tensor:
        """A draw of the posterior, by normal `noise["code"]`."""
        return self.posterior(z).at(noise["code"])

    def snapped(self, codes: Tensor) -> Tensor:
        """Codes as they are decoded: as they are."""
        return codes


class VectorCodes(Codebook):
    """Codes that are vectors as the encoder gives them: the codebook is a part of the decoder."""

    def mean(self, z: Tensor) -> Tensor:
        """The vectors."""
        return z

    def drawn(self, z: Tensor, noise: Tensors) -> Tensor:
        """The vectors, which no chance plays a part in."""
        return z

    def snapped(self, codes: Tensor) -> Tensor:
        """Codes as they are decoded: the nearest of the codebook."""
        return self.embed(self.tokens(codes))


def kl_codes(net: Net, z: Tensor, hyper: Tensors, numbers: int) -> Loss:
    """The KL of an image's codes in nats, weighted against the sum of errors of all its numbers.

    As the error is a mean, it is divided by how many `numbers` an image has.
    """
    rate = net.codebook.posterior(z).kl_each().flatten(1).sum(1).mean()
    return hyper["kl_weight"] * rate / numbers, {"rate": rate.detach()}


def vq_codes(net: Net, z: Tensor, hyper: Tensors, numbers: int) -> Loss:
    """The codebook's terms; arXiv:1711.00937, equation 3."""
    found = net.codebook(z)
    told = {
        "commitment": found.commitment.detach(),
        "perplexity": net.codebook.follow(z, found.tokens),
    }
    return found.codebook + hyper["commitment_weight"] * found.commitment, told


class CodeScale(nn.Module):
    """Divides codes by their standard deviation, of all batches that it was trained with.

    Section 4.3.2 and appendix G; the authors' code measures that of the first batch alone, which of
    a small one is off by some percent.
    """

    mean: Tensor
    square: Tensor
    batches: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("square", torch.ones(()))
        self.register_buffer("batches", torch.zeros(()))

    def deviation(self) -> Tensor:
        """The standard deviation, a scalar; 1 before the first batch."""
        return (self.square - self.mean.square()).clamp(min=1e-12).sqrt()

    def forward(self, codes: Tensor) -> Tensor:
        if self.training:
            codes, count = codes.detach(), self.batches + 1
            mean = torch.lerp(self.mean, codes.mean(), 1 / count)
            square = torch.lerp(self.square, codes.square().mean(), 1 / count)
            self.mean.copy_(mean)
            self.square.copy_(square)
            self.batches.copy_(count)
        return codes / self.deviation()
