"""Log-likelihoods and divergences of distributions. B batch, Z latent."""

from math import log, pi

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, [B]. VAE, arXiv:1312.6114, appendix B."""
    return gaussian_kl_each(mean, log_variance).sum(-1)


def gaussian_kl_each(mean: Tensor, log_variance: Tensor) -> Tensor:
    """`gaussian_kl` of each latent number, [B, Z]."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def bernoulli_nll(logits: Tensor, x: Tensor) -> Tensor:
    """-log p(x) in nats over the last dimension."""
    return binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def gaussian_nll(mean: Tensor, scale: Tensor, x: Tensor) -> Tensor:
    """-log N(x; mean, scale^2) in nats over the last dimension."""
    return (((x - mean) / scale).square() / 2 + scale.log() + log(2 * pi) / 2).sum(-1)
