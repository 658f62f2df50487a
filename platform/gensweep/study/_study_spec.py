"""The specification of a study, and the settings of the process that drives it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from gensweep.budget import Budget
from gensweep.configurations import Configurations, SearchedSpace
from gensweep.confirmation import Confirmation
from gensweep.errors import UserError
from gensweep.grid import FEWEST, check_grid
from gensweep.objective import Objective
from gensweep.pruners import find_pruner
from gensweep.samplers import find_sampler
from gensweep.space import Space, order_dimensions, space_as_json
from gensweep.study._identity import plain

DRAWN: Final = "drawn"
"""Entry of an identity that says how trials are drawn; studies without it draw as packs ask."""
BY_NUMBER: Final = "by number"
"""A trial's parameters follow from the study's seed and the trial's number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StudySpec:
    """The question that a study asks: which trials are drawn, and how they are judged.

    A study that goes on must ask what it was begun with (`identity`); only its `budget` may change.
    Raises `UserError` for a value that no study can have.
    """

    name: str
    """One word, as files and actors are named after it."""

    space: Space
    objective: Objective
    budget: Budget
    budget_images: int
    """Images that one trial trains on at most."""

    seed: int = 0
    """What every trial's parameters and own seed follow from."""

    sampler: str = "tpe"
    pruner: str = "none"
    rungs: tuple[int, ...] = ()
    """Images at which trials are compared, ascending; empty: at whatever they report."""

    repeats: int = 1
    """Trials of equal parameters, which differ by their seed."""

    confirm: Confirmation | None = None
    """What is repeated once the search's trials have ended; it may be another one by now."""

    grid_points: int = FEWEST
    """Points of each range for the sampler "grid"."""

    strata: tuple[str, ...] = ()
    """Searched dimensions over whose choices the trials are shared out evenly."""

    group_by: str | None = None
    """Searched dimension whose values the sweep compares: pruners compare trials of equal value,
    lest a value is left out before it is known where it works."""

    map_axis: str = ""
    """Searched dimension over which results tell stable regions; it may change."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """What else may not change from one session to the next, as JSON: the model, the data."""

    def __post_init__(self) -> None:
        if not self.name.strip() or any(c in self.name for c in "/\\\n\t\0"):
            raise UserError(f"the sweep's name {self.name!r} must be one word without slashes.")
        if not self.objective.metric:
            raise UserError(f"the objective {self.objective!r} must name a metric.")
        for least_one in ("budget_images", "repeats"):
            value = getattr(self, least_one)
            if not isinstance(value, int) or value < 1:
                raise UserError(f"`1 <= {least_one}` must hold, but got {least_one}={value!r}.")
        find_sampler(self.sampler)
        find_pruner(self.pruner)
        if any(rung < 1 for rung in self.rungs) or list(self.rungs) != sorted(self.rungs):
            raise UserError(f"`1 <= rungs` must hold and ascend, but got rungs={self.rungs}.")
        order_dimensions(self.space, self.strata)
        if self.group_by is not None and self.group_by not in self.space:
            raise UserError(f"group_by={self.group_by!r} is not searched: choose from "
                            f"{', '.join(self.space)}.")  # fmt: skip
        if self.sampler == "grid":
            check_grid(self.space, self.strata, self.budget.trials, self.repeats, self.grid_points)

    def configurations(self) -> Configurations | None:
        """Make the list that trials are taken from; None where the sampler learns from others."""
        make = find_sampler(self.sampler).configurations
        if make is None:
            return None
        return make(SearchedSpace(space=self.space, strata=self.strata, seed=self.seed,
                                  grid_points=self.grid_points))  # fmt: skip

    def identity(self) -> dict[str, Any]:
        """Return what must be equal for a study to go on, as JSON; it is kept with the study."""
        drawn = {DRAWN: BY_NUMBER} if find_sampler(self.sampler).configurations else {}
        return dict(plain({
            **self.settings,
            **drawn,
            "objective": {"metric": self.objective.metric, "direction": self.objective.direction},
            "budget_images": self.budget_images,
            "space": space_as_json(self.space),
            "sampler": self.sampler,
            "seed": self.seed,
            "repeats": self.repeats,
            "strata": list(self.strata),
        }))  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyRuntime:
    """The settings of a process that drives a study: no part of the question, and not kept."""

    clock: Callable[[], float] = time.time
    """Seconds; what trials' times are told by."""

    lease_s: float = 60.0
    """Seconds of an owner's silence after which its trials are given to others."""

    max_attempts: int = 3
    """Packs in a row that may leave an error or fall silent with a trial, without its having
    reported more images in between; the last one ends it as failed."""

    session: str = ""
    """A word of the driver's for itself; a study that it began is not another one's."""

    keep_leases: bool = False
    """Whether the owners of leases have outlived the process that drove the study before, as packs
    do when the coordinator alone dies: they keep what the ledger says that they hold."""

    hourly_price: Callable[[], float] = lambda: 0.0
    """Money that an hour costs at the moment."""

    @property
    def ticks(self) -> Callable[[], float]:
        """The clock for durations: one that nobody sets, unless a test brings its own."""
        return time.monotonic if self.clock is time.time else self.clock
