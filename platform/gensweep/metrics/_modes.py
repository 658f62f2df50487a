"""Mode coverage on mixtures whose modes are known (PacGAN, arXiv 1712.04086)."""

# L lanes, N samples, D dimensions, K modes
from __future__ import annotations

import math

import torch
from torch import Tensor

from gensweep.metrics._standard_error import count_error, share_pieces, standard_error

__all__ = ["mode_errors", "mode_metrics"]


def mode_metrics(
    samples: Tensor, modes: Tensor, std: float, threshold: float = 3.0
) -> dict[str, Tensor]:
    """Measure modes covered, samples of high quality, and the divergences of the mode histogram.

    `samples` is [L, N, D], `modes` [K, D]; every value is float64 [L]. A mode counts once one
    sample lies within `threshold` standard deviations of it. The histogram gives each sample to
    its nearest mode; `reverse_kl` is KL(histogram || uniform), all divergences are in nats.
    `total_variation` is the distance of the shares of high-quality samples from equal shares, in
    [0, 1]: what is near no mode is lost, and so is what a mode has too much.

    >>> at = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
    >>> mode_metrics(at[None, :1], at, std=0.1)["modes"].item()
    1.0
    """
    index, good = _nearest_modes(samples, modes, threshold * std)
    counts = torch.zeros(len(samples), len(modes), dtype=torch.float64, device=samples.device)
    hits = counts.scatter_add(1, index, good.double())
    share = counts.scatter_add(1, index, torch.ones_like(good.double())) / samples.shape[1]
    return {
        "modes": (hits > 0).double().sum(-1),
        "high_quality": good.double().mean(-1),
        "total_variation": 1 - (hits / samples.shape[1]).clamp(max=1 / len(modes)).sum(-1),
        **_divergences(share),
    }


def _divergences(share: Tensor) -> dict[str, Tensor]:
    """Return entropy, KL and Jensen-Shannon divergence of shares [L, K] from equal ones."""
    count = share.shape[-1]
    middle = (share + 1 / count) / 2
    entropy = -torch.xlogy(share, share).sum(-1)
    to_middle = (torch.xlogy(share, share) - torch.xlogy(share, middle)).sum(-1)
    from_middle = (-math.log(count) - middle.log()).mean(-1)
    return {
        "mode_entropy": entropy,
        "reverse_kl": math.log(count) - entropy,
        "jsd": (to_middle + from_middle) / 2,
    }


def mode_errors(
    samples: Tensor, modes: Tensor, std: float, threshold: float = 3.0
) -> dict[str, Tensor]:
    """Return the standard errors of what `mode_metrics` measures of [N, D]."""
    (index,), (good,) = _nearest_modes(samples[None], modes, threshold * std)
    count = len(modes)
    share = index.bincount(minlength=count).double() / len(samples)
    found = index[good].bincount(minlength=count).double()
    hits = found / len(samples)
    logs = share.clamp(min=1e-300).log()
    entropy = standard_error(share_pieces(index, logs))
    return {
        "modes": count_error(found, torch.ones_like(found)),
        "high_quality": standard_error(good.double()),
        "total_variation": standard_error(good * share_pieces(index, hits < 1 / count)),
        "mode_entropy": entropy,
        "reverse_kl": entropy,
        "jsd": standard_error(share_pieces(index, (logs - ((share + 1 / count) / 2).log()) / 2)),
    }


def _nearest_modes(samples: Tensor, modes: Tensor, within: float) -> tuple[Tensor, Tensor]:
    """Return the index of the mode nearest to each of [L, N, D], and if it is `within`: [L, N]."""
    nearest, index = torch.cdist(samples.double(), modes.double().to(samples.device)).min(-1)
    return index, nearest <= within
