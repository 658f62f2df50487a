"""A sweep: a question to a model, as one typed object."""

from collections.abc import Iterable, Mapping
from dataclasses import InitVar, dataclass, field, fields, replace
from operator import attrgetter
from typing import Any

from gensweep.budget import Budget
from gensweep.chart import Figure
from gensweep.confirmation import OFF, Confirmation
from gensweep.errors import UserError
from gensweep.game import Model
from gensweep.grid import FEWEST as GRID_FEWEST
from gensweep.grid import check_grid, fitting_points
from gensweep.known_metrics import METRICS
from gensweep.objective import Objective
from gensweep.own_metric import OwnMetric, check_metrics, formulas
from gensweep.precision import FEWEST, PRECISIONS
from gensweep.pruners import PRUNERS, REPEATABLE, Pruner, find_pruner
from gensweep.samplers import SAMPLERS, Sampler, find_sampler
from gensweep.sampling_fields import SamplingField, sampling_fields
from gensweep.space import all_strata, check_defaults, scopes, strata
from gensweep.spec import _checks as checks
from gensweep.spec._groups import DataOptions, EvaluationOptions, ReportOptions, is_positive
from gensweep.spec._settings import Identity, Option, about, check_counts, identity_of, setting

DATA, PLACEMENT = "data", "where it trains"
"""Headings of `--help`."""
FORMER_NAMES = ("by", "over")
"""Of `group_by` and `map_axis`: scripts may still say them."""


def reprs(values: Mapping[str, Any]) -> dict[str, str]:
    """Each value as Python writes it, as stored sweeps have them."""
    return {name: repr(value) for name, value in values.items()}


def grids(values: Mapping[str, Iterable[float]]) -> dict[str, list[float]]:
    """Each grid as a list, as stored sweeps have it."""
    return {name: list(grid) for name, grid in values.items()}


def summaries(table: Mapping[str, Sampler] | Mapping[str, Pruner]) -> str:
    """Say what each sampler or pruner does."""
    return "; ".join(f"{entry.name} {entry.summary}" for entry in table.values())


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A question to a model: which region of `space` trains stably on `data`?

    `UserError` names the first value that cannot be, its bound and what to use instead.
    """

    name: str = field(metadata=about(
        "of everything stored, and of the MLflow run; a script's sweeps get the time appended"
    ))  # fmt: skip
    model: Model = field(metadata=about(
        "the family of networks that is trained", Identity(encode=attrgetter("name"))
    ))  # fmt: skip
    space: Mapping[str, Any] = field(metadata=about(
        "hyperparameter to dimension; everything else keeps its default or its value in `fixed`",
        Identity(encode=reprs),
    ))  # fmt: skip
    fixed: Mapping[str, Any] = setting(
        {}, "hyperparameter to the value that all trials have", identity=Identity(encode=reprs)
    )
    data: str = setting(
        "digits",
        "digits, ring8, grid25, mnist, stacked_mnist, fashion_mnist, cifar10, NAME=PATH, or a "
        "folder, zip, tar or s3://... of images (with a folder for each class), of Parquet, or of "
        "points in CSV, .npy, .npz or Parquet (default {value})",
        option=Option(metavar="SET", group=DATA), kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    image_size: int | None = setting(
        None,
        "scale the shorter side of each image to S pixels and crop the centre: for images in "
        "folders or Parquet that differ in size",
        option=Option(metavar="S", group=DATA), least=1, kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    column: str | None = setting(
        None, "Parquet column with the images, images[1] for the second of each list (default: "
        "'image' or the like); of tables and arrays a,b for these numbers (default: all)",
        option=Option(metavar="NAME", group=DATA), kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    label: str | None = setting(
        None, "column with the classes, or none: there are none (default: 'label' or the like)",
        option=Option(metavar="NAME", group=DATA), kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    columns: str | None = setting(
        None, "other Parquet columns that a model may use: caption,age; of other images with "
        "classes a caption is made (default: none)",
        option=Option(metavar="NAMES", group=DATA), kept_on_resume=True,
        identity=Identity(always=False),
    )  # fmt: skip
    pixel_range: str | None = setting(
        None, "values of a black and of a white pixel, such as 0,4095 or, before a minus, "
        "--pixel-range=-1,1: for floats and 16 bits whose files do not say so (default: all of "
        "the 16 bits)",
        option=Option(metavar="LOW,HIGH", group=DATA), kept_on_resume=True,
        identity=Identity(always=False),
    )  # fmt: skip
    skip_bad: int | None = setting(
        None, "go on without up to N examples that cannot be read, and list them (default: none)",
        option=Option(metavar="N", group=DATA), least=0, kept_on_resume=True,
        identity=Identity(always=False),
    )  # fmt: skip
    trials: int = setting(
        48, "configurations x seeds (default {value})", option=Option(), least=1
    )  # fmt: skip
    budget_images: int = setting(
        200_000, "examples a trial sees (default {value:,})",
        option=Option(metavar="N"), least=1, kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    seed: int = setting(
        0, "of the whole sweep (default {value})",
        option=Option(), kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    repeats: int = setting(
        1, "seeds for each configuration (default {value})",
        option=Option(), least=1, kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    confirm: str | None = setting(
        None,
        "once the trials have ended, train the best M configurations again over N fresh seeds "
        "each, more of those whose order is unsure; ranks them by these seeds alone; none: with "
        "--resume, no further round of them",
        option=Option(metavar="MxN"),
    )  # fmt: skip
    sampler: str = setting(
        "tpe", f"of new trials: {summaries(SAMPLERS)} (default {{value}})",
        option=Option(choices=tuple(SAMPLERS)), kept_on_resume=True,
    )  # fmt: skip
    """Not in the identity: a study stores it with its own settings, and compares it there."""

    grid_points: int | None = setting(
        None,
        "of each range, for --sampler grid (default: as many as make no more configurations than "
        "--trials has; what is left goes halfway between them)",
        option=Option(metavar="K"), least=2, kept_on_resume=True, identity=Identity(always=False),
    )  # fmt: skip
    pruner: str = setting(
        "none",
        f"of poor trials: {summaries(PRUNERS)} (default {{value}}; without a name {REPEATABLE})",
        option=Option(choices=tuple(PRUNERS), without_value=REPEATABLE), kept_on_resume=True,
        identity=Identity(),
    )  # fmt: skip
    pbt: bool = setting(
        False,
        "population-based training: at each evaluation the poorest quarter of trials goes on from "
        "the weights of the best, with changed hyperparameters; without --pruner and --repeats",
        option=Option(), kept_on_resume=True, identity=Identity(always=False),
    )  # fmt: skip
    """What the sampler learns of a trial's first values is then partly others' merit."""

    precision: str | None = setting(
        None,
        "in which training multiplies: only GPUs have tf32; bf16 leaves weights, moments, losses "
        "fp32 (default: fp32 on CPUs, tf32 on GPUs)",
        option=Option(choices=PRECISIONS), kept_on_resume=True, identity=Identity(always=False),
    )  # fmt: skip
    group_by: str | None = setting(
        None, "hyperparameter that the stability map compares, such as the objective",
        identity=Identity(key="by"),
    )  # fmt: skip
    map_axis: str = setting(
        "",
        "hyperparameter over which the stability map runs, a number above 0 (default: the first of "
        "the model's configuration where it is searched, or else the first such of the space)",
    )  # fmt: skip
    target: str | None = setting(
        None, "metric that trials are ranked by (default: the data set's own)"
    )
    metrics: tuple[OwnMetric, ...] = setting(
        (), "own metrics of samples beside real examples, which may be the target",
        identity=Identity(encode=formulas, always=False),
    )  # fmt: skip
    samples: int = setting(
        1000, "drawn to evaluate a trial (default {value:,})",
        option=Option(), least=1, kept_on_resume=True, identity=Identity(),
    )  # fmt: skip
    features: str | None = setting(
        None,
        "file or s3:// address of a feature network, TorchScript or .pt2, by which samples of "
        "images are measured; classes are then not counted (default: trained on the data)",
        option=Option(metavar="FILE"), kept_on_resume=True, identity=Identity(always=False),
    )  # fmt: skip
    """The file's hash is in the protocol, by which sweeps are resumed and compared."""

    feature_input: str = setting(
        "as-is",
        "what --features takes: ttur (0 to 255, Inception's graph of the TTUR code), pytorch-fid "
        "(0 to 1), dinov2 (224 pixels, ImageNet's mean) or as-is, -1 to 1 (default {value})",
        option=Option(metavar="NAME"), kept_on_resume=True, identity=Identity(always=False),
    )  # fmt: skip
    sampling_grids: Mapping[str, tuple[float, ...]] = setting(
        {},
        "sampling hyperparameter to the values of its fidelity-variety curve, in the place of the "
        "grid that the model states; (): no curve",
        identity=Identity(encode=grids, always=False),
    )
    width: int | None = setting(
        None,
        "lanes of a pack, trials trained as one stacked computation (default: measured once for "
        "each network and machine, and remembered); on a CPU the last bits of a lane alone are "
        "not those of two or more",
        option=Option(group=PLACEMENT), least=1,
    )  # fmt: skip
    threads: int | None = setting(
        None,
        "CPU threads of a pack, or of each of its ranks: last bits depend on them, so that a "
        "resumed sweep keeps them (default: an equal share of the cores)",
        option=Option(metavar="T", group=PLACEMENT), least=1, kept_on_resume=True,
        identity=Identity(always=False),
    )  # fmt: skip
    rungs: int = setting(
        4, "evaluations in the course of a trial, the last at its end", least=1, identity=Identity()
    )
    max_hours: float | None = setting(
        None, "stop in time; --resume goes on", option=Option(metavar="H")
    )
    max_images: int | None = setting(
        None, "examples that all trials see", option=Option(metavar="N")
    )  # fmt: skip
    max_cost: float | None = setting(
        None, "money: stop in time, checkpoints included; --resume goes on",
        option=Option(metavar="M"),
    )  # fmt: skip
    hourly_price: float | None = setting(
        None,
        "what an hour of it all costs (default: by the price table, where hosts tell their "
        "instance types)",
        option=Option(metavar="P"),
    )  # fmt: skip
    cluster: Mapping[str, Any] = setting(
        {}, "what `--preset cluster` changes: trials and budget_images, for instance"
    )
    question: str = setting(
        "", "MLflow experiment, in which all sweeps of a script are compared (default: the name)"
    )
    scatter: tuple[str, str, str | None] | None = setting(
        None, "two metrics, and the hyperparameter that shades the dots, to draw in the report"
    )
    figures: tuple[Figure, ...] = setting(
        (), "functions of the trials that have ended, whose charts stand first in the report"
    )
    by: InitVar[str | None] = None
    """Former name of `group_by`."""

    over: InitVar[str | None] = None
    """Former name of `map_axis`."""

    def __post_init__(self, by: str | None, over: str | None) -> None:
        self._set(group_by=self.group_by if by is None else by,
                  map_axis=self.map_axis if over is None else over)  # fmt: skip
        self._check()
        self._set(question=self.question or self.name,
                  map_axis=self.map_axis or self._usual_axis())  # fmt: skip

    def _set(self, **values: str | None) -> None:
        """Complete fields while the object is made; it is frozen afterwards."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _check(self) -> None:
        """`UserError` for the first value that cannot be; a group checks itself when made."""
        check_counts(self)
        checks.check_seed(self.seed)
        check_defaults(self.model.config)
        checks.check_grids(self.model.config, self.sampling_grids)
        _ = self.data_options, self.evaluation_options, self.limits
        checks.check_hourly_price(self.hourly_price)
        checks.check_figures(self.figures)
        check_metrics(self.metrics, METRICS)
        _ = find_sampler(self.sampler), find_pruner(self.pruner)
        checks.check_searched(self.model.config, self.space, self.fixed)
        checks.check_empty_space(self.space, self.trials, self.repeats)
        every = all_strata(self.space, self.strata)
        batch = max(int(self.config(stratum).batch_size) for stratum in every)
        _ = self.report_options
        checks.check_trials(self.trials, self.repeats, self.strata, len(every))
        checks.check_grid_points(self.sampler, self.grid_points)
        if self.sampler == "grid":
            points = self.grid_points or GRID_FEWEST
            check_grid(self.space, self.strata, self.trials, self.repeats, points)
        if self.confirmation:
            checks.check_confirmation(self.confirmation, self.trials, self.repeats, pbt=self.pbt)
        least = find_pruner(self.pruner).fewest_batches(self.rungs)
        checks.check_rungs(self.budget_images, batch, self.rung_images, least)
        if self.pbt:
            checks.check_population(self.pruner, self.repeats, self.rungs)
            checks.check_explored(self.model.config, self.space)
        self._check_cluster()

    def _check_cluster(self) -> None:
        """`UserError` unless the sweep is one with the changes of the preset, too."""
        known = {*(f.name for f in fields(self)), *FORMER_NAMES}
        if unknown := ", ".join(set(self.cluster) - known):
            raise UserError(f"cluster={dict(self.cluster)!r} has {unknown}, which is no field of "
                            "a sweep: use trials or budget_images, for instance.")  # fmt: skip
        if self.cluster:
            replace(self, **{"cluster": {}, **self.cluster})

    def _usual_axis(self) -> str:
        """The hyperparameter that a map runs over if none is named; empty: none can be."""
        fitting = [name for name, dimension in self.space.items() if is_positive(dimension)]
        first = next(iter(scopes(self.model.config)))
        return first if first in fitting else "".join(fitting[:1])

    @property
    def data_options(self) -> DataOptions:
        """The options by which `data` is read."""
        return DataOptions(
            image_size=self.image_size, column=self.column, label=self.label,
            columns=self.columns, pixel_range=self.pixel_range, skip_bad=self.skip_bad,
        )  # fmt: skip

    @property
    def limits(self) -> Budget:
        """The limits of what all trials together may spend."""
        return Budget(trials=self.trials, max_hours=self.max_hours, max_images=self.max_images,
                      max_cost=self.max_cost)  # fmt: skip

    @property
    def confirmation(self) -> Confirmation | None:
        """The configurations and seeds by which the best are confirmed; None: they are not."""
        return Confirmation.parse(self.confirm) if self.confirm not in (None, OFF) else None

    @property
    def planned_trials(self) -> int:
        """The number of trials, those that confirm the best included."""
        return self.trials + (self.confirmation.trials if self.confirmation else 0)

    @property
    def evaluation_options(self) -> EvaluationOptions:
        """The options by which a trained trial is measured."""
        return EvaluationOptions(samples=self.samples, sampling=self.sampling)

    @property
    def sampling(self) -> tuple[SamplingField, ...]:
        """The model's sampling hyperparameters, with the sweep's grids in the place of its own."""
        grids = self.sampling_grids
        return tuple(
            replace(one, grid=tuple(grids.get(one.name, one.grid)))
            for one in sampling_fields(self.model.config)
        )

    @property
    def report_options(self) -> ReportOptions:
        """The hyperparameters and metrics that the report draws."""
        return ReportOptions(space=self.space, group_by=self.group_by, map_axis=self.map_axis,
                             scatter=self.scatter)  # fmt: skip

    @property
    def strata(self) -> tuple[str, ...]:
        """The searched hyperparameters that shape the network: one value of each in a pack."""
        return strata(self.model.config, self.space)

    @property
    def rung_images(self) -> tuple[int, ...]:
        """The rungs at which a trial is evaluated, in images seen: spaced as the pruner wants
        it."""
        return find_pruner(self.pruner).rungs(self.budget_images, self.rungs)

    @property
    def points(self) -> int | None:
        """The points of each range on the sweep's grid; None: it has none."""
        if self.sampler != "grid":
            return None
        fitting = self.trials // self.repeats
        return self.grid_points or fitting_points(self.space, self.strata, fitting)

    def objective(self, otherwise: str) -> Objective:
        """Return the metric that trials are ranked by: `target`, or `otherwise`, the data
        set's own metric."""
        own = {metric.name: metric.larger_is_better for metric in self.metrics}
        return Objective.of(self.target or otherwise, own)

    def fitted_to(self, packs: int, *, on_gpu: bool) -> "Sweep":
        """Return the sweep for `packs` packs: a fixed width falls to the lanes that trials fill.

        `UserError` if trials of a population could not meet in them.
        """
        most = self.most_lanes(packs, on_gpu=on_gpu)
        fitted = replace(self, width=self.width and min(self.width, most))
        if self.pbt:
            kinds = len(all_strata(self.space, self.strata))
            checks.check_exploited(self.trials, fitted.width or most, self.strata, kinds)
        return fitted

    def most_lanes(self, packs: int, *, on_gpu: bool) -> int:
        """Return the lanes that trials fill when every stratum, and each of `packs`, gets its
        share.

        On a CPU at least two: there numbers are the same in any pack, but not in a lane alone.
        """
        kinds = len(all_strata(self.space, self.strata))
        return max(1 if on_gpu else FEWEST, -(-self.trials // max(packs, kinds)))

    @property
    def lanes(self) -> int:
        """The width, once it is chosen; `ValueError` before."""
        if self.width is None:
            raise ValueError(f"the width of {self.name!r} is not measured yet.")
        return self.width

    def config(self, params: Mapping[str, Any]) -> Any:
        """The model's configuration for one trial's sampled values; `UserError` if it has none."""
        try:
            return self.model.config(**{**self.fixed, **params})
        except (TypeError, ValueError) as error:
            raise UserError(f"{self.model.name}: {error}") from error

    def identity(self) -> dict[str, Any]:
        """Return the question as plain JSON, in which a resumed sweep must agree with its
        beginning.

        Beside declared fields, the defaults that the model had when the sweep began.
        """
        config = self.config({})
        others = [n for n in scopes(config) if n not in {*self.space, *self.fixed}]
        return identity_of(self) | {"defaults": reprs({n: getattr(config, n) for n in others})}
