"""The law of a flow's latent: independent numbers, normal or logistic. B batch, D dimensions."""

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

from gensweep_models.adversarial.truncation import truncated_normal

Prior = Literal["normal", "logistic"]


def log_prior(prior: Prior, z: Tensor) -> Tensor:
    """Sum of the log-densities of the numbers of `z` [B, D] in nats: [B].

    >>> round(float(log_prior("logistic", torch.zeros(1, 1)).exp()), 4)
    0.25
    """
    if prior == "logistic":  # NICE, arXiv:1410.8516, section 3.4
        return -(softplus(z) + softplus(-z)).sum(-1)
    return -0.5 * (z.square() + math.log(2 * math.pi)).sum(-1)


def draw_prior(prior: Prior, uniform: Tensor, threshold: Tensor) -> Tensor:
    """Numbers of the prior from uniform ones by its inverse CDF, truncated to ±`threshold`."""
    if prior == "normal":
        return truncated_normal(uniform, threshold)
    bound = threshold.double()
    tail = torch.sigmoid(-bound)
    z = torch.logit(tail + uniform.double() * (1 - 2 * tail), eps=1e-12)
    return torch.minimum(torch.maximum(z, -bound), bound).float()
