"""What a sweep is: a question, as one typed object."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gensweep.errors import UserError
from gensweep.game import Model
from gensweep.space import check_space, strata

SAMPLERS = ("tpe", "random", "qmc")
PRUNERS = ("none", "asha", "median")
REDUCTION = 3
"""Of asha: one trial in so many goes on at each rung."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One question to one model: which region of `space` trains stably on `data`?"""

    name: str
    """Also the name of the MLflow experiment's runs and of everything stored."""

    model: Model
    space: Mapping[str, Any]
    """Hyperparameter to dimension; everything else keeps its default or its value in `fixed`."""

    fixed: Mapping[str, Any] = field(default_factory=dict)
    data: str = "digits"
    trials: int = 48
    budget_images: int = 200_000
    """Training examples that one trial sees."""

    seed: int = 0
    repeats: int = 1
    """Seeds for each configuration."""

    sampler: str = "tpe"
    pruner: str = "none"
    """Stops trials early: `asha` keeps a third at each rung, `median` those above the median."""

    by: str | None = None
    """The hyperparameter that the stability map compares, such as the objective."""

    over: str = "learning_rate"
    """The hyperparameter that the stability map runs over."""

    target: str | None = None
    """The metric that trials are ranked by; None: the data set's own."""

    samples: int = 1000
    """Samples drawn from each trained trial to evaluate it."""

    truncations: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0)
    """Thresholds of the fidelity-variety curve."""

    width: int = 16
    """Trials that one pack trains at once."""

    rungs: int = 4
    """Evaluations in the course of a trial, the last at its end."""

    max_hours: float | None = None

    scatter: tuple[str, str, str | None] | None = None
    """Two metrics, and the hyperparameter that shades the dots, to draw in the report."""

    def __post_init__(self) -> None:
        for name in ("trials", "budget_images", "repeats", "samples", "width", "rungs"):
            if (value := getattr(self, name)) < 1:
                raise UserError(f"`{name} >= 1` must hold, but got {name}={value}.")
        if self.max_hours is not None and self.max_hours <= 0:
            raise UserError(f"`max_hours > 0` must hold, but got {self.max_hours}.")
        if self.sampler not in SAMPLERS:
            raise UserError(f"unknown sampler {self.sampler!r}: choose from {', '.join(SAMPLERS)}.")
        if self.pruner not in PRUNERS:
            raise UserError(f"unknown pruner {self.pruner!r}: choose from {', '.join(PRUNERS)}.")
        if not self.space:
            raise UserError("the search space is empty: search at least one hyperparameter.")
        check_space(self.model.config, self.space)
        self.config({})

    @property
    def strata(self) -> tuple[str, ...]:
        """The searched hyperparameters that shape the network: one value of each in a pack."""
        return strata(self.model.config, self.space)

    @property
    def rung_images(self) -> tuple[int, ...]:
        """When a trial is evaluated, in images seen: evenly spaced, or by powers for asha."""
        budget, count = self.budget_images, self.rungs
        if self.pruner == "asha":
            return tuple(max(1, budget // REDUCTION**i) for i in reversed(range(count)))
        return tuple(max(1, budget * (i + 1) // count) for i in range(count))

    def shared(self, packs: int) -> "Sweep":
        """With so few lanes in a pack that every stratum, and each of `packs`, gets its trials."""
        kinds = math.prod(len(self.space[name].choices) for name in self.strata)
        return replace(self, width=min(self.width, -(-self.trials // max(packs, kinds))))

    def config(self, params: Mapping[str, Any]) -> Any:
        """The model's configuration for one trial's sampled values."""
        try:
            return self.model.config(**{**self.fixed, **params})
        except (TypeError, ValueError) as error:
            raise UserError(f"{self.model.name}: {error}") from error

    def identity(self) -> dict[str, Any]:
        """What makes two sweeps the same question; a resumed sweep must agree in it."""
        return {
            "model": self.model.name,
            "space": {name: repr(dimension) for name, dimension in self.space.items()},
            "fixed": {name: repr(value) for name, value in self.fixed.items()},
            "data": self.data,
            "budget_images": self.budget_images,
            "repeats": self.repeats,
            "seed": self.seed,
            "samples": self.samples,
            "pruner": self.pruner,
            "by": self.by,
        }
