"""Two parallel lines: what divergences tell of distributions that do not meet.

Example 1 of Arjovsky et al., arXiv:1701.07875: (0, z) against (theta, z), z uniform in [0, 1]. The
Jensen-Shannon divergence is log 2 wherever theta is not 0, so that no gradient leads there; the
Wasserstein distance is |theta|.
"""

import torch
from torch import Tensor


def line(theta: float, count: int) -> Tensor:
    """Points [count, 2] that stand for the line at `theta`, each for an equal part of it."""
    z = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return torch.stack([torch.full_like(z, theta), z], 1)


def jensen_shannon(one: Tensor, other: Tensor) -> float:
    """Jensen-Shannon divergence, in nats, of equal masses at points [N, D] and [M, D].

    (KL(p, m) + KL(q, m)) / 2, m = (p + q) / 2, over the points that one or the other has.
    """
    distinct, place = torch.unique(torch.cat([one, other]), dim=0, return_inverse=True)
    p, q = (which.bincount(minlength=len(distinct)).double() / len(which)
            for which in place.split([len(one), len(other)]))  # fmt: skip
    middle = (p + q) / 2
    return float((torch.xlogy(p, p / middle) + torch.xlogy(q, q / middle)).sum() / 2)


def wasserstein(one: Tensor, other: Tensor) -> float:
    """Wasserstein-1 distance between equal masses at N points on each of two parallel lines.

    Masses go straight across, which no plan undercuts: the way across, a function of slope 1, has
    that difference of means (Kantorovich and Rubinstein).
    """
    plan = (one - other).norm(dim=1).mean()
    across = (one - other).mean(0)
    direction = across / across.norm().clamp(min=1e-300)
    dual = ((one - other) @ direction).mean()
    if not torch.isclose(plan, dual, rtol=1e-9):
        raise ValueError(f"the lines are not parallel: {plan:g} is no less than {dual:g}.")
    return float(plan)
