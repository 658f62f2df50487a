"""Fréchet distance between Gaussians fitted to features (arXiv 1706.08500), in float64."""

# L lanes, N samples, D features
from __future__ import annotations

import torch
from torch import Tensor

from gensweep.errors import UserError

__all__ = ["frechet_distance", "frechet_pieces", "moments", "square_root"]


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean [..., D] and unbiased covariance [..., D, D] of features [..., N, D], in float64.

    `UserError` for fewer than 2 samples.
    """
    if features.shape[-2] < 2:
        raise UserError(f"a covariance needs 2 samples or more, got {features.shape[-2]}")
    features = features.double()
    mean = features.mean(-2)
    centred = features - mean.unsqueeze(-2)
    return mean, centred.mT @ centred / (features.shape[-2] - 1)


def square_root(covariance: Tensor) -> Tensor:
    """Return the symmetric square root of a covariance [D, D]."""
    values, vectors = torch.linalg.eigh(covariance)
    found: Tensor = (vectors * values.clamp(min=0).sqrt().unsqueeze(-2)) @ vectors.mT
    return found


def frechet_distance(
    real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], real_root: Tensor | None = None
) -> Tensor:
    """Return |m - n|^2 + tr(S + T - 2 (S^1/2 T S^1/2)^1/2) of moments (m, S) and (n, T).

    Batched: real moments [D], [D, D] and fake ones [L, D], [L, D, D] give [L]. The symmetric form
    has real eigenvalues for rank-deficient covariances too. A caller who has it already passes
    `square_root(S)` as `real_root`.
    """
    (mean, covariance), (other_mean, other) = real, fake
    half = square_root(covariance) if real_root is None else real_root
    cross = torch.linalg.eigvalsh(half @ other @ half).clamp(min=0).sqrt().sum(-1)
    trace = covariance.diagonal(dim1=-2, dim2=-1).sum(-1) + other.diagonal(dim1=-2, dim2=-1).sum(-1)
    distance: Tensor = (mean - other_mean).square().sum(-1) + trace - 2 * cross
    return distance.clamp(min=0)


def frechet_pieces(features: Tensor, mean: Tensor, real_root: Tensor) -> Tensor:
    """Return what each of features [N, F] adds to the distance from a Gaussian: float64 [N].

    The Gaussian has the `mean` and the root of a covariance of `moments`. The derivative by the
    covariance T is I - S^1/2 (S^1/2 T S^1/2)^-1/2 S^1/2, without directions that T lacks.
    """
    own, covariance = moments(features)
    centred = features.double() - own
    values, vectors = torch.linalg.eigh(real_root @ covariance @ real_root)
    kept = values > values[-1].clamp(min=0) * 1e-10
    turned = centred @ (real_root @ vectors[:, kept]) * values[kept] ** -0.25
    tilt = 2 * (centred @ (own - mean))
    pieces: Tensor = tilt + centred.square().sum(-1) - turned.square().sum(-1)
    return pieces
