"""Precision, recall (arXiv 1904.06991), density and coverage (arXiv 2002.09797)."""

# L lanes, M real samples, N fake samples, D features
from __future__ import annotations

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.known_metrics import NEIGHBOURS

__all__ = ["prdc", "radii"]


def radii(features: Tensor, k: int = NEIGHBOURS, chunk: int = 2048) -> Tensor:
    """Return the distance [N] from each of features [N, D] to its k-th nearest other one.

    `UserError` unless 0 < k < N. Rows are taken by `chunk`, to bound the memory.
    """
    count = features.shape[0]
    if not 0 < k < count:
        raise UserError(f"0 < k < samples must hold, but got {k=} and {count} samples")
    found = []
    for start in range(0, count, chunk):
        distances = torch.cdist(features[start : start + chunk], features)
        distances[:, start : start + chunk].fill_diagonal_(0.0)
        found.append(distances.topk(k + 1, largest=False, sorted=False).values.amax(-1))
    return torch.cat(found)


def prdc(
    real: Tensor,
    fake: Tensor,
    k: int = NEIGHBOURS,
    real_radii: Tensor | None = None,
    chunk: int = 2048,
    *,
    recall: bool = True,
) -> dict[str, Tensor]:
    """Measure precision, recall, density, coverage of fake [L, N, D] against real [M, D]: each [L].

    Lanes are taken one by one and rows by `chunk`, so memory stays at chunk * max(M, N). Without
    `recall`, which takes most of the time, the other three are measured. `real_radii` are `radii`
    of the real ones, for callers who have them already.
    """
    edge = radii(real, k, chunk) if real_radii is None else real_radii
    lanes = [
        _measure_lane(real, lane, edge, k, chunk, radii(lane, k, chunk) if recall else None)
        for lane in fake
    ]
    return {name: torch.stack([lane[name] for lane in lanes]) for name in lanes[0]}


def _measure_lane(
    real: Tensor, fake: Tensor, edge: Tensor, k: int, chunk: int, fake_edge: Tensor | None
) -> dict[str, Tensor]:
    inside = torch.zeros(fake.shape[0], dtype=torch.int64, device=fake.device)
    recalled, covered = [], []
    for start in range(0, real.shape[0], chunk):
        distances = torch.cdist(real[start : start + chunk], fake)
        within = distances < edge[start : start + chunk, None]
        inside += within.sum(0)
        covered.append(within.any(1))
        if fake_edge is not None:
            recalled.append((distances < fake_edge).any(1))
    found = {"recall": torch.cat(recalled).double().mean()} if recalled else {}
    return found | {
        "precision": (inside > 0).double().mean(),
        "density": inside.double().mean() / k,
        "coverage": torch.cat(covered).double().mean(),
    }
