"""Terms of bounds on log p(x). B batch, K importance samples, Z latent."""

from math import log

import torch
from torch import Tensor

from gensweep_models.adversarial.truncation import mask_latent

ACTIVE = 0.01
"""Variance of a latent number's posterior mean from which it tells examples apart."""
RATES = (0.01, 0.1, 1.0)
"""Rates of a latent number, in nats; from the first on it tells anything."""


def free_bits_deficit(rates: Tensor, floor: Tensor, size: Tensor) -> Tensor:
    """Sum what the batch's mean rates [B, Z] -> [Z] lack to a floor, in nats: a scalar.

    rate + deficit = sum over Z of max(floor, rate), equation 15 of arXiv:1606.04934, so that a
    number below the floor has no gradient. Exactly 0 at floor 0.
    """
    lacking = (floor - rates.mean(0)).clamp(min=0)
    return mask_latent(torch.where(floor > 0, lacking, 0.0), size).sum()


def rate_metrics(rates: Tensor, size: Tensor) -> dict[str, Tensor]:
    """Return metrics of rates [B, Z], of which numbers beyond `size` are zero.

    The largest of the batch's mean rates, in nats; and how the rates of the `size` latent numbers
    are distributed: the share above each of `RATES`. That above the first is small in posterior
    collapse, and in too large a latent.
    """
    means = rates.detach().mean(0)
    above = (means[:, None] > torch.tensor(RATES, device=means.device)).sum(0) / size
    shares = dict(zip(("active_share", "active_share.0.1", "active_share.1"), above, strict=True))
    return {"largest_rate": means.max(), **shares}


def importance_bound(log_weights: Tensor) -> Tensor:
    """log of the mean weight, [B, K] to nats [B]. IWAE, arXiv:1509.00519, equation 8.

    Its gradient weighs those of the log-weights by the softmax of these, equation 14.
    """
    return log_weights.logsumexp(1) - log(log_weights.shape[1])


def active_units(mean: Tensor) -> Tensor:
    """Count the latent numbers whose posterior mean [N, Z] varies over examples, a scalar.

    arXiv:1509.00519, section 5.2. 0: the posterior has collapsed.
    """
    return (mean.var(0, correction=0) > ACTIVE).sum().float()
