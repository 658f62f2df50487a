"""Fidelity against variety along the truncation threshold (BigGAN, arXiv 1809.11096)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gensweep.errors import UserError

__all__ = ["fidelity_variety"]


def fidelity_variety(
    evaluate: Callable[[float], list[dict[str, float]]], thresholds: Sequence[float]
) -> list[list[dict[str, float]]]:
    """One curve per lane: `evaluate(threshold)` gives one dict per lane, called in rising order.

    >>> fidelity_variety(lambda t: [{"coverage": t / 2}], [2.0, 1.0])
    [[{'threshold': 1.0, 'coverage': 0.5}, {'threshold': 2.0, 'coverage': 1.0}]]
    """
    if not thresholds or min(thresholds) <= 0:
        raise UserError(f"truncation thresholds must be above 0, got {list(thresholds)}")
    grid = sorted(thresholds)
    points = [[{"threshold": at, **lane} for lane in evaluate(at)] for at in grid]
    return [list(curve) for curve in zip(*points, strict=True)]
