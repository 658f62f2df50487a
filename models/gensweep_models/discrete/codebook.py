"""A codebook: the nearest code to each vector, its gradient, and how codes learn.

Van den Oord et al., arXiv:1711.00937. N vectors, K codes, D numbers in a code.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gensweep_models.nets.projection import one_hot
from gensweep_models.random import uniform

Update = Literal["gradient", "ema"]
EPSILON = 1e-5
"""Added to the counts of averaged codes, so that none is divided by nothing; as in Sonnet."""


def nearest(z: Tensor, codes: Tensor) -> Tensor:
    """The token of the code nearest to each z: [..., D] and [K, D] to int64 [...]."""
    return (codes.square().sum(-1) - 2 * z @ codes.mT).argmin(-1)


def straight_through(z: Tensor, quantised: Tensor) -> Tensor:
    """`quantised` forwards, and its gradient to z backwards (section 3.2)."""
    return z + (quantised - z).detach()


def perplexity(usage: Tensor) -> Tensor:
    """Count the codes in use: the exponential of the entropy of their shares, of `usage` [K]."""
    entropy: Tensor = torch.special.entr(usage / usage.sum()).sum()
    return entropy.exp()


class Quantised(NamedTuple):
    """Vectors [..., D] as codes and as tokens, and two terms of equation 3, each a mean."""

    through: Tensor
    """Their codes, whose gradient goes to the vectors."""

    tokens: Tensor
    """int64 [...]."""

    codebook: Tensor
    """Squared distance that moves codes; 0 where they are averages."""

    commitment: Tensor
    """Squared distance that moves the encoder, to be weighted."""


class Codebook(nn.Module):
    """K codes, which learn by gradient, or follow the mean of the vectors that are theirs.

    `per_epoch`: the share of an epoch that a batch is. Averages have a `decay`; of these codes one
    that is used less than `revival` times as much as codes are on the average begins anew.
    """

    codes: Tensor
    counts: Tensor
    sums: Tensor
    usage: Tensor

    def __init__(
        self, codes: int, size: int, *, per_epoch: float, update: Update = "gradient",
        decay: float = 0.99, revival: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        # wider than z, so that many codes are near to some z from the start
        initial = nn.init.normal_(torch.empty(codes, size), std=0.3)
        self.averages = update == "ema"
        if self.averages:
            self.register_buffer("counts", torch.ones(codes))
            self.register_buffer("sums", initial)
        else:
            self.codes = nn.Parameter(initial)
        self.register_buffer("usage", torch.zeros(codes))
        self.per_epoch, self.decay, self.revival = per_epoch, decay, revival

    def forward(self, z: Tensor) -> Quantised:
        """Quantise [..., D]."""
        tokens = self.tokens(z)
        codes = self.embed(tokens)
        pull = z.new_zeros(()) if self.averages else mse_loss(codes, z.detach())
        return Quantised(straight_through(z, codes), tokens, pull, mse_loss(z, codes.detach()))

    def table(self) -> Tensor:
        """Return the codes, [K, D]."""
        if not self.averages:
            return self.codes
        total = self.counts.sum()
        smooth = (self.counts + EPSILON) / (total + len(self.counts) * EPSILON) * total
        return self.sums / smooth[:, None]

    def tokens(self, z: Tensor) -> Tensor:
        """The nearest code of each vector: [..., D] to int64 [...]."""
        return nearest(z, self.table())

    def embed(self, tokens: Tensor) -> Tensor:
        """int64 [...] to codes [..., D]."""
        codes = self.table()
        return one_hot(tokens, codes.shape[0]) @ codes

    def follow(self, z: Tensor, tokens: Tensor, key: Tensor | None = None) -> Tensor:
        """Take in a batch of vectors and their tokens; return the perplexity over an epoch.

        Averages move (appendix A.1), after those that are to be revived, by the random `key`.
        """
        z, used = z.detach().flatten(0, -2), one_hot(tokens.flatten(), len(self.usage))
        usage = torch.lerp(self.usage, used.mean(0), self.per_epoch)
        if self.averages:
            counts, sums = self.counts, self.sums
            if key is not None:
                counts, sums = self._revived(z, key)
            # counts of a batch of K vectors, so that neither its size nor ranks play a part
            share = used * (len(usage) / len(z))
            self.counts.copy_(torch.lerp(counts, share.sum(0), 1 - self.decay))
            self.sums.copy_(torch.lerp(sums, share.mT @ z, 1 - self.decay))
        self.usage.copy_(usage)
        return perplexity(usage)

    def _revived(self, z: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """Let codes that are hardly used begin anew at vectors of the batch, as if used on average.

        Random restarts of Jukebox, arXiv:2005.00341, section 3.1. Ranks take the mean of theirs.
        """
        place = (uniform(key, self.counts.shape) * len(z)).long()
        dead = self.counts < self.revival
        sums = torch.where(dead[:, None], one_hot(place, len(z)) @ z, self.sums)
        return torch.where(dead, torch.ones_like(self.counts), self.counts), sums
