"""What a sweep is: a question, as one typed object."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gensweep.errors import UserError
from gensweep.game import Model
from gensweep.metrics import LARGER_IS_BETTER
from gensweep.objective import Objective
from gensweep.pruners import find_pruner
from gensweep.space import all_strata, scopes, strata
from gensweep.spec._checks import check_sweep, positive


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """One question to one model: which region of `space` trains stably on `data`?"""

    name: str
    """Of everything stored, and of the MLflow run; a script's sweeps get the time appended."""

    model: Model
    space: Mapping[str, Any]
    """Hyperparameter to dimension; everything else keeps its default or its value in `fixed`."""

    fixed: Mapping[str, Any] = field(default_factory=dict)
    data: str = "digits"
    image_size: int | None = None
    """Shorter side to which the images of a folder or of Parquet are scaled, then cropped."""

    column: str | None = None
    """The Parquet column with the images; None: the one that there is."""

    label: str | None = None
    """The Parquet column with the classes."""

    trials: int = 48
    budget_images: int = 200_000
    """Training examples that one trial sees."""

    seed: int = 0
    repeats: int = 1
    """Seeds for each configuration."""

    sampler: str = "tpe"
    pruner: str = "none"
    """Stops trials early, as `PRUNERS` says: asha, hyperband, median, wilcoxon, patience."""

    pbt: bool = False
    """Population-based training: at each rung poor trials take over the state of good ones in
    their pack, with changed hyperparameters, as `_population` says. What the sampler learns of a
    trial's first values is then partly others' merit."""

    precision: str | None = None
    """Of training: fp32, tf32 (a GPU's own) or bf16; None: fp32 on CPUs, tf32 on GPUs."""

    by: str | None = None
    """The hyperparameter that the stability map compares, such as the objective."""

    over: str = ""
    """The hyperparameter that the stability map runs over, a number above 0; by default the
    learning rate, or else the first such."""

    target: str | None = None
    """The metric that trials are ranked by; None: the data set's own."""

    samples: int = 1000
    """Samples drawn from each trained trial to evaluate it."""

    truncations: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0)
    """Thresholds of the fidelity-variety curve."""

    width: int | None = None
    """Trials that one pack trains at once; None: measured, on the device that trains them."""

    rungs: int = 4
    """Evaluations in the course of a trial, the last at its end."""

    max_hours: float | None = None
    max_images: int | None = None
    """Training examples that all trials see together; no trial begins that would go beyond."""

    max_cost: float | None = None
    """Money; a sweep stops while there is enough left to save its lanes."""

    hourly_price: float | None = None
    """What an hour of the cluster costs; None: the sum of its hosts, by the price table."""

    cluster: Mapping[str, Any] = field(default_factory=dict)
    """What `--preset cluster` changes: `trials` and `budget_images`, for instance."""

    question: str = ""
    """The MLflow experiment, in which all sweeps of a script are compared; by default `name`."""

    scatter: tuple[str, str, str | None] | None = None
    """Two metrics, and the hyperparameter that shades the dots, to draw in the report."""

    def __post_init__(self) -> None:
        check_sweep(self)
        if not self.question:
            object.__setattr__(self, "question", self.name)
        if not self.over:
            found = [name for name, dimension in self.space.items() if positive(dimension)]
            chosen = "learning_rate" if "learning_rate" in found else "".join(found[:1])
            object.__setattr__(self, "over", chosen)

    @property
    def strata(self) -> tuple[str, ...]:
        """The searched hyperparameters that shape the network: one value of each in a pack."""
        return strata(self.model.config, self.space)

    @property
    def rung_images(self) -> tuple[int, ...]:
        """When a trial is evaluated, in images seen: spaced as the pruner wants it."""
        return find_pruner(self.pruner).rungs(self.budget_images, self.rungs)

    def objective(self, otherwise: str) -> Objective:
        """What trials are ranked by: `target`, or the data set's own metric."""
        metric = self.target or otherwise
        larger = metric in LARGER_IS_BETTER
        return Objective(metric=metric, direction="maximize" if larger else "minimize")

    def shared(self, packs: int) -> "Sweep":
        """With no more lanes in a pack than its trials fill, if the width is fixed."""
        width = self.width
        return replace(self, width=width and min(width, self.most_lanes(packs)))

    def most_lanes(self, packs: int) -> int:
        """The lanes that trials fill when every stratum, and each of `packs`, gets its share."""
        kinds = len(all_strata(self.space, self.strata))
        return -(-self.trials // max(packs, kinds))

    @property
    def lanes(self) -> int:
        """The width, once it is chosen."""
        if self.width is None:
            raise ValueError(f"the width of {self.name!r} is not measured yet.")
        return self.width

    @property
    def reading(self) -> dict[str, Any]:
        """How `data` is to be read: keywords of `find_source` and `load_dataset`."""
        return {"image_size": self.image_size, "column": self.column, "label": self.label}

    def config(self, params: Mapping[str, Any]) -> Any:
        """The model's configuration for one trial's sampled values."""
        try:
            return self.model.config(**{**self.fixed, **params})
        except (TypeError, ValueError) as error:
            raise UserError(f"{self.model.name}: {error}") from error

    def identity(self) -> dict[str, Any]:
        """What makes two sweeps the same question; a resumed sweep must agree in it."""
        config = self.config({})
        others = [n for n in scopes(config) if n not in {*self.space, *self.fixed}]
        return {
            "model": self.model.name,
            "space": {name: repr(dimension) for name, dimension in self.space.items()},
            "fixed": {name: repr(value) for name, value in self.fixed.items()},
            "data": self.data,
            **self.reading,
            "budget_images": self.budget_images,
            "repeats": self.repeats,
            "seed": self.seed,
            "samples": self.samples,
            "rungs": self.rungs,
            "truncations": list(self.truncations),
            "defaults": {name: repr(getattr(config, name)) for name in others},
            "pruner": self.pruner,
            "by": self.by,
            **({"pbt": True} if self.pbt else {}),
            **({"precision": self.precision} if self.precision else {}),
        }
