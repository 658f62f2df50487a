"""The discrete VAE of DALL-E: tokens by a relaxed draw of a categorical posterior.

Ramesh et al., arXiv:2102.12092, section 2.1 and appendix A. B batch, K codes, D numbers in a code,
C channels, H' x W' grid of tokens.
"""

import math

import torch
from torch import Tensor, nn

from gensweep_models.discrete.bodies import Autoencoder
from gensweep_models.nets.projection import one_hot
from gensweep_models.random import gumbel

EDGE = 0.1
"""Pixels are mapped to [EDGE, 1 - EDGE], whose logits are finite; appendix A.3."""
LEAST_SCALE = 0.02
"""Of the likelihood, about a grey level: no even background is worth any narrower one."""


class RelaxedCodebook(nn.Module):
    """K codes, of which logits [..., K] choose; mixtures of them while they are relaxed."""

    def __init__(self, codes: int, size: int) -> None:
        super().__init__()
        self.codes = nn.Parameter(nn.init.normal_(torch.empty(codes, size)))

    def tokens(self, logits: Tensor) -> Tensor:
        """The most probable token of each: int64 [...]."""
        return logits.argmax(-1)

    def embed(self, tokens: Tensor) -> Tensor:
        """int64 [...] to codes [..., D]."""
        return one_hot(tokens, len(self.codes)) @ self.codes

    def mixed(self, weights: Tensor) -> Tensor:
        """Weights [..., K] to mixtures of codes [..., D]."""
        return weights @ self.codes


def relaxed(logits: Tensor, temperature: Tensor, key: Tensor) -> Tensor:
    """A Gumbel-softmax draw [B, ..., K] of logits, by a key of each example [B].

    One-hot, and a draw of the softmax, as the temperature goes to 0; arXiv:1611.01144.
    """
    noise = gumbel(key, tuple(logits.shape[1:]))
    return ((logits + noise) / temperature).softmax(-1)


def uniform_kl(logits: Tensor) -> Tensor:
    """KL(softmax(logits) || the uniform law over K), in nats: [..., K] to [...]."""
    log_q = logits.log_softmax(-1)
    return (log_q.exp() * log_q).sum(-1) + math.log(logits.shape[-1])


def fallen(progress: Tensor, last: Tensor, share: float) -> Tensor:
    """From 1 along half a cosine to `last`, which is reached after a `share` of progress."""
    along = (progress / share).clamp(max=1)
    return last + (1 - last) * (1 + (math.pi * along).cos()) / 2


def inner(x: Tensor) -> Tensor:
    """Pixels of [-1, 1] to [EDGE, 1 - EDGE]; phi of equation 7."""
    return (1 - 2 * EDGE) * (x + 1) / 2 + EDGE


def outer(y: Tensor) -> Tensor:
    """Back to pixels, in [-1, 1]."""
    return (2 * (y - EDGE) / (1 - 2 * EDGE) - 1).clamp(-1, 1)


def logit_laplace_nll(x: Tensor, painted: Tensor) -> Tensor:
    """-log p of pixels [B, C, ...] in nats, each, of logits and log scales [B, 2 C, ...].

    A density of `inner` pixels; equation 6 of appendix A.3, but for `LEAST_SCALE`.
    """
    mean, spread = painted.chunk(2, 1)
    y, scale = inner(x), spread.exp() + LEAST_SCALE
    return (y.logit() - mean).abs() / scale + (2 * scale * y * (1 - y)).log()


class DiscreteVae(Autoencoder):
    """An encoder to [B, H', W', K] logits or [B, H', W', D] vectors, a codebook, a decoder."""

    def paint(self, codes: Tensor) -> Tensor:
        """Map codes to the likelihood's logits and log scales [B, 2 C, H, W]."""
        painted: Tensor = self.decoder(codes.movedim(-1, 1))
        return painted

    def decode(self, codes: Tensor) -> Tensor:
        """Map codes to images in [-1, 1]: the medians of their pixels."""
        return outer(self.paint(codes).chunk(2, 1)[0].sigmoid())
