"""Sliced Wasserstein distance, the label histogram, and the check for finite samples."""

# L lanes, N samples, D dimensions, P projections
from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn import functional

from gensweep.metrics._standard_error import count_error, share_pieces, standard_error

__all__ = ["SlicedDistances", "finite", "label_errors", "label_metrics", "sliced_wasserstein"]


def finite(samples: Tensor) -> Tensor:
    """Tell which lanes of samples [L, ...] hold finite numbers only: bool [L].

    >>> finite(torch.tensor([[1.0], [float("nan")]])).tolist()
    [True, False]
    """
    # The least and the largest are NaN where any is, and take a tenth of the time of asking all.
    flat = samples.flatten(1)
    return flat.amin(1).isfinite() & flat.amax(1).isfinite()


def sliced_wasserstein(
    real: Tensor, fake: Tensor, order: int = 1, projections: int = 128, seed: int = 0
) -> Tensor:
    """Return the sliced W_p (arXiv:1503.03132) of real [M, D] and fake [L, N, D]: float64 [L].

    Directions come from `seed`; quantiles are compared at min(M, N) midpoints, exact for M = N.
    """
    return SlicedDistances(real, projections, seed).distances(fake, order)[order]


class SlicedDistances:
    """Computes `sliced_wasserstein` to the same real examples, of several orders at once."""

    def __init__(self, real: Tensor, projections: int = 128, seed: int = 0):
        source = torch.Generator().manual_seed(seed)
        ways = torch.randn(real.shape[-1], projections, generator=source, dtype=torch.float64)
        self._ways = (ways / ways.norm(dim=0)).mT.to(real.device)
        self._real = self._sorted(real)

    def to(self, device: torch.device | str) -> SlicedDistances:
        """Return the same for samples on `device`."""
        moved = copy.copy(self)
        moved._ways, moved._real = self._ways.to(device), self._real.to(device)
        return moved

    def _sorted(self, points: Tensor) -> Tensor:
        """Return the projections [..., P, N] of points [..., N, D], each sorted."""
        return _in_order(self._ways @ points.double().mT)

    def distances(self, fake: Tensor, *orders: int) -> dict[int, Tensor]:
        """Return the distance of fake [L, N, D] for each of `orders`: float64 [L]."""
        count = min(self._real.shape[-1], fake.shape[1])
        gap = (_quantiles(self._sorted(fake), count) - _quantiles(self._real, count)).abs()
        return {order: gap.pow(order).mean((-2, -1)).pow(1 / order) for order in orders}

    def pieces(self, fake: Tensor, *orders: int) -> dict[int, Tensor]:
        """Return what each of fake [N, D] adds to W_p^p, for each p of `orders`: float64 [N].

        The mean over the directions of the potential of the optimal transport to the real ones.
        """
        at, rank = (self._ways @ fake.double().mT).sort(-1)
        gap, steps = at - _quantiles(self._real, at.shape[-1]), at.diff(dim=-1)
        found = {}
        for order in orders:
            slope = order * gap.abs().pow(order - 1) * gap.sign()
            risen = ((slope[:, 1:] + slope[:, :-1]) / 2 * steps).cumsum(-1)
            potential = functional.pad(risen, (1, 0))
            found[order] = torch.zeros_like(at).scatter_(-1, rank, potential).mean(0)
        return found


def _in_order(values: Tensor) -> Tensor:
    """Sort finite float64 values along the last dimension."""
    # As integers in the same order, of which torch sorts 1.6 times as many a second.
    bits = _monotone(values.view(torch.int64)).sort(-1).values
    return _monotone(bits).view(torch.float64)


def _monotone(bits: Tensor) -> Tensor:
    """Map the bits of floats to integers in the floats' order, and back: its own inverse."""
    # Below zero a larger bit pattern is a smaller float: all bits but the sign are flipped.
    return bits ^ ((bits >> 63) & torch.iinfo(torch.int64).max)


def _quantiles(ordered: Tensor, count: int) -> Tensor:
    """Pick `count` values of sorted ones, at the midpoints of as many equal parts."""
    if count == ordered.shape[-1]:
        return ordered
    at = (torch.arange(count, dtype=torch.float64) + 0.5) / count * ordered.shape[-1]
    return ordered.index_select(-1, at.long().to(ordered.device))


def label_metrics(
    labels: Tensor, reference: Tensor, least: float = 0.0, sure: Tensor | None = None,
    sure_reference: Tensor | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """Return classes seen and found, KL(histogram || reference) in nats, of labels [L, N] int64.

    `reference` [C] holds the data's class shares. A class of the data is seen if it has any of the
    samples, and found if it has at least `least` of its share in the data, too: among the samples
    that are `sure` [L, N] to be of theirs, if that is told, and then of `sure_reference` [C], its
    share among such real examples. One that the data lacks is neither, and counts as a millionth
    in the divergence; one of which no real example is sure is found where it is seen.

    >>> labels = torch.tensor([[0] * 99 + [1]])
    >>> label_metrics(labels, torch.tensor([0.5, 0.5]), least=0.1)["classes"].item()
    1.0
    """
    hits, expected = _hits(labels, reference), reference.double().clamp(min=1e-6)
    share = hits / labels.shape[1]
    divergence = (torch.xlogy(share, share) - torch.xlogy(share, expected)).sum(-1)
    counted = hits if sure is None else _hits(labels, reference, sure)
    wanted = reference if sure_reference is None else sure_reference
    enough = counted / counted.sum(-1, keepdim=True).clamp(min=1) >= least * wanted
    there = (counted > 0) | ((wanted == 0) & (hits > 0))
    return {
        "classes_seen": ((hits > 0) & (reference > 0)).double().sum(-1),
        "classes": (there & (reference > 0) & enough).double().sum(-1),
        "class_kl": divergence.clamp(min=0),
    }


def label_errors(
    labels: Tensor, reference: Tensor, least: float = 0.0, sure: Tensor | None = None,
    sure_reference: Tensor | None = None,
) -> dict[str, Tensor]:  # fmt: skip
    """Return the standard errors of `label_metrics` over labels [N], of which some are `sure` [N].

    That of `class_kl` is of log p / q where p is not 0.
    """
    (hits,), known = _hits(labels[None], reference), reference > 0
    (counted,) = (hits,) if sure is None else _hits(labels[None], reference, sure[None])
    expected = reference.double().clamp(min=1e-6)
    slopes = (hits / len(labels)).clamp(min=1e-300).log() - expected.log()
    one = torch.ones_like(hits[known])
    # A class of just the bound's share counts: no rounding may lift it to the next whole number.
    wanted = reference if sure_reference is None else sure_reference
    bound = (least * wanted[known].double() * counted.sum() - 1e-9).ceil()
    return {
        "classes_seen": count_error(hits[known], one),
        "classes": count_error(counted[known], bound.maximum(one)),
        "class_kl": standard_error(share_pieces(labels, slopes)),
    }


def _hits(labels: Tensor, reference: Tensor, sure: Tensor | None = None) -> Tensor:
    """Count the labels [L, N] of each class, of all samples or of the `sure` ones: [L, C]."""
    lanes = list(labels)
    if sure is not None:
        lanes = [lane[kept] for lane, kept in zip(lanes, sure, strict=True)]
    return torch.stack([lane.bincount(minlength=len(reference)) for lane in lanes]).double()
