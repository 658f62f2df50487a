"""The exact Wasserstein distance of few points from as many real ones: scipy's assignment."""

# N samples and as many real points, D dimensions
from __future__ import annotations

import torch
from torch import Tensor

from gensweep.metric import ERROR, TRANSPORTED, W1
from gensweep.metrics._standard_error import standard_error

__all__ = ["Transport"]

SETTLED = 1e-9
"""Part of the mean cost: potentials that change by less have come to rest."""


class Transport:
    """Measures the W_1 of samples under Euclidean cost (Peyré and Cuturi, arXiv:1803.00567).

    Of `TRANSPORTED` points at most, for the time grows nearly with their cube. It is computed on
    the CPU in float64, wherever samples are.
    """

    def __init__(self, real: Tensor) -> None:
        self._real = real[:TRANSPORTED].cpu().double()
        self.protocol: dict[str, object] = {"samples": len(self._real), "cost": "Euclidean"}

    def measure(self, fake: Tensor, *, errors: bool) -> dict[str, Tensor]:
        """Measure the first of fake [N, D] beside as many real points; with its error if `errors`.

        That is of the potential of the optimal transport, to which each sample adds its own.
        """
        from scipy.optimize import linear_sum_assignment  # the engine imports with torch alone

        count = min(len(fake), len(self._real))
        cost = _distances(fake[:count].cpu().double(), self._real[:count])
        # Less by the least of each column, which changes no assignment: of samples that are all
        # alike it is then found at once.
        _, matched = linear_sum_assignment((cost - cost.amin(0)).numpy())
        at = torch.from_numpy(matched)
        found = {W1: cost.gather(1, at[:, None]).mean()}
        if errors:
            found[W1 + ERROR] = standard_error(potentials(cost, at))
        return {name: value.to(fake.device) for name, value in found.items()}


def _distances(fake: Tensor, real: Tensor) -> Tensor:
    """Return the distances [N, N], of differences: by products near points would lose digits."""
    return torch.cdist(fake, real, compute_mode="donot_use_mm_for_euclid_dist")


def potentials(cost: Tensor, matched: Tensor) -> Tensor:
    """Return the dual potentials [N] of samples whose best partners at `cost` are `matched` [N].

    Those of shortest paths: f_i <= f_k + c[i, m_k] - c[k, m_k], which is what it costs more if i
    takes the partner of k.
    """
    rise = cost[:, matched]
    rise = rise - rise.diagonal()
    found = torch.zeros_like(rise[0])
    for _ in range(len(found)):  # a shortest path has no more steps
        before, found = found, (rise + found).amin(1)
        if float((before - found).max()) <= SETTLED * float(cost.mean()):
            break
    return found
