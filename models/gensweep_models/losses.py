"""Losses and penalties. B batch; `real`, `fake` are the critic's raw outputs [B]."""

from collections.abc import Callable
from math import log, pi
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, relu, softplus

Objective = Literal["minimax", "non_saturating", "wasserstein", "wasserstein_gp", "hinge"]


def critic_loss(objective: Objective, real: Tensor, fake: Tensor) -> Tensor:
    """Cross entropy (arXiv:1406.2661), Wasserstein (1701.07875) or hinge (1802.05957)."""
    if objective in ("minimax", "non_saturating"):
        return softplus(-real).mean() + softplus(fake).mean()
    if objective == "hinge":
        return relu(1 - real).mean() + relu(1 + fake).mean()
    return fake.mean() - real.mean()


def generator_loss(objective: Objective, fake: Tensor) -> Tensor:
    """log(1 - D), -log D (arXiv:1406.2661, section 3), or minus the critic's score."""
    if objective == "minimax":
        return -softplus(fake).mean()
    if objective == "non_saturating":
        return softplus(-fake).mean()
    return -fake.mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, epsilon: Tensor
) -> Tensor:
    """E (||grad D(x)|| - 1)^2 between real and fake. WGAN-GP, arXiv:1704.00028, eq. 3."""
    x = epsilon * real + (1 - epsilon) * fake
    # torch.autograd.grad does not compose with vmap's outer transforms; torch.func does
    gradient = torch.func.grad(lambda at: critic(at).sum())(x)
    # the root of 0 has no gradient
    norm = (gradient.flatten(1).square().sum(1) + 1e-12).sqrt()
    penalty: Tensor = (norm - 1).square().mean()
    return penalty


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats, [B]. VAE, arXiv:1312.6114, appendix B."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)


def bernoulli_nll(logits: Tensor, x: Tensor) -> Tensor:
    """-log p(x) in nats over the last dimension."""
    return binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def gaussian_nll(mean: Tensor, scale: Tensor, x: Tensor) -> Tensor:
    """-log N(x; mean, scale^2) in nats over the last dimension."""
    return (((x - mean) / scale).square() / 2 + scale.log() + log(2 * pi) / 2).sum(-1)
