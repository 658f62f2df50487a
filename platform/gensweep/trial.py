"""What the study hands out and what it remembers of a trial."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

State = Literal["completed", "pruned", "diverged", "collapsed", "failed", "cancelled"]
"""How a trial can end."""

Verdict = Literal["continue", "prune"]

TERMINAL: Final[frozenset[str]] = frozenset(
    {"completed", "pruned", "diverged", "collapsed", "failed", "cancelled"}
)
INFEASIBLE: Final[frozenset[str]] = frozenset({"diverged", "collapsed"})


class StaleLease(RuntimeError):  # noqa: N818  (it tells the holder to stop, not what it did wrong)
    """The trial was given to somebody else, or has ended: drop the lane and ask for another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lease:
    """The right to train one trial; valid until released, expired or finished."""

    number: int
    owner: str
    attempt: int
    """Counts from 1; with `number` it identifies the lease, across restarts too."""
    params: dict[str, Any]
    seed: int
    group: int
    """Number of the first trial with these parameters (see `repeats`)."""
    stratum: dict[str, Any]
    checkpoint: dict[str, Any] | None
    """Where an earlier attempt left off; None: from the start."""
    images: int
    """Images seen as last reported by an earlier attempt."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrialRecord:
    """A trial as the study knows it. `state` is one of `State`, or "queued" or "leased"."""

    number: int
    state: str
    cause: str
    params: dict[str, Any]
    metrics: dict[str, float]
    result: dict[str, Any]
    """What its end was told with, besides state, cause and metrics."""
    images: int
    attempts: int
    lost: int
    """Times that its pack died or fell silent, but for those of `hosts`."""
    hosts: int
    """Times that its pack was lost with a host."""
    seed: int
    group: int
    created: float
    started: float | None
    ended: float | None
    """Seconds of the study's clock."""


def trial_seed(sweep_seed: int, number: int) -> int:
    """A trial's seed, below 2**48 so that JSON readers with doubles keep it.

    >>> trial_seed(0, 0) == trial_seed(0, 0) != trial_seed(0, 1)
    True
    """
    digest = hashlib.sha256(f"{sweep_seed}/{number}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """The metrics that are numbers: JSON and databases disagree about the others."""
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}


Trial = dict[str, Any]
LINEAGE = "lineage"
"""Of a lane's state and a trial's result: [{"images", "from", "params"}], a copy each."""
Lineage = list[dict[str, Any]]
