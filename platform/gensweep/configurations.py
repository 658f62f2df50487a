"""Fixed lists of configurations, which a sweep tries one after the other.

A sampler that does not learn has such a list: what stands at a place follows from the space, the
sweep's seed and the place alone, whoever asks for it, and when. A longer list begins as a shorter.
"""

import hashlib
import warnings
from dataclasses import dataclass
from typing import Any, Protocol

from gensweep.space import Space, Stratum, all_strata, is_active, order_dimensions

BLOCK = 256
"""Points of a sequence that are computed together; a power of two, as the sequence asks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchedSpace:
    """The search space, and all else that a list of configurations follows from."""

    space: Space
    strata: tuple[str, ...]
    """Searched dimensions over whose choices configurations are shared out."""

    seed: int
    """Of the sweep."""

    grid_points: int = 2
    """Of each range, for a grid."""


class Configurations(Protocol):
    """The configurations of a sweep, by place from 0 on."""

    def stratum(self, place: int) -> Stratum | None:
        """Return the stratum of the configuration at that place; None: the list ends before."""

    def values(self, place: int) -> dict[str, Any]:
        """Return the values at that place, those of its stratum among them.

        What they leave out is drawn independently, by the number of the trial.
        """


class RandomConfigurations:
    """Deals the strata out in turn, and leaves all else to independent draws."""

    def __init__(self, searched: SearchedSpace) -> None:
        self._strata = all_strata(searched.space, searched.strata)

    def stratum(self, place: int) -> Stratum:
        """Deal out the strata in turn."""
        return dict(self._strata[place % len(self._strata)])

    def values(self, place: int) -> dict[str, Any]:
        """Return the values of the stratum alone: all else is drawn."""
        return self.stratum(place)


class SobolConfigurations(RandomConfigurations):
    """Spreads the configurations of each stratum evenly, by a scrambled sequence of its own.

    One sequence that is dealt out to 2^k strata in turn would leave each a part of the space. A
    dimension that exists under conditions has its coordinate in the sequence all the same.
    """

    def __init__(self, searched: SearchedSpace) -> None:
        super().__init__(searched)
        self._space, self._seed = searched.space, searched.seed
        names = order_dimensions(searched.space, searched.strata)
        self._names = [name for name in names if name not in searched.strata]
        self._blocks: dict[int, tuple[int, list[list[float]]]] = {}
        """The block that each stratum is at, and its points."""

    def values(self, place: int) -> dict[str, Any]:
        """Return the stratum, and the values at its sequence's point for this place."""
        values: dict[str, Any] = self.stratum(place)
        turn, which = divmod(place, len(self._strata))
        if not self._names:
            return values
        for name, u in zip(self._names, self._point(which, turn), strict=True):
            if is_active(self._space[name], values):
                values[name] = value_at(self._space[name], u)
        return values

    def _point(self, which: int, turn: int) -> list[float]:
        block, at = divmod(turn, BLOCK)
        if self._blocks.get(which, (-1,))[0] != block:
            self._blocks[which] = block, self._draw_block(which, block)
        return self._blocks[which][1][at]

    def _draw_block(self, which: int, block: int) -> list[list[float]]:
        from scipy.stats.qmc import Sobol  # takes half a second to import

        digest = hashlib.sha256(f"qmc/{self._seed}/{which}".encode()).digest()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of `seed`, in later versions
            engine = Sobol(len(self._names), seed=int.from_bytes(digest[:4], "big"))
        if block:
            engine.fast_forward(block * BLOCK)
        points: list[list[float]] = engine.random(BLOCK).tolist()
        return points


def value_at(dimension: Any, u: float) -> Any:
    """Return the value of which a share `u` of the dimension, from 0 to below 1, lies below.

    >>> from gensweep_models.space import Categorical, Integer, Real
    >>> value_at(Real(1.0, 16.0, log=True), 0.5), value_at(Integer(1, 4), 0.99)
    (4.0, 4)
    >>> value_at(Categorical(("hinge", "minimax")), 0.49)
    'hinge'
    """
    if dimension.kind == "categorical":
        return dimension.choices[int(u * len(dimension.choices))]
    whole = dimension.kind == "integer"
    margin = 0.5 if whole else 0.0  # so that the ends are as likely as what is between
    value = between(dimension.low - margin, dimension.high + margin, u, log=bool(dimension.log))
    value = min(max(value, dimension.low), dimension.high)
    return round(value) if whole else value


def between(low: float, high: float, fraction: float, *, log: bool) -> float:
    """Return the number at a fraction of the way from `low` to `high`, or by their logarithms.

    >>> between(1.0, 100.0, 0.5, log=True), between(1.0, 3.0, 0.5, log=False)
    (10.0, 2.0)
    """
    return low * (high / low) ** fraction if log else low + (high - low) * fraction
