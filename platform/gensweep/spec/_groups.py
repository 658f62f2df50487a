"""Parts of a sweep that are used, and checked, together."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import inf
from typing import Any

from gensweep.errors import UserError
from gensweep.metric import NEIGHBOURS
from gensweep.sampling_fields import SamplingField
from gensweep.space import Space


@dataclass(frozen=True, kw_only=True, slots=True)
class DataOptions:
    """The options by which files of examples are read; `UserError` for a range that is none."""

    image_size: int | None = None
    """Pixels of the shorter side after scaling; None: as the images are."""

    column: str | None = None
    label: str | None = None
    """Parquet columns with the images and with their classes; None: those that there are."""

    columns: str | None = None
    """Names of other Parquet columns, with commas between them; None: no others."""

    pixel_range: str | None = None
    """Values of a black and of a white pixel, with a comma between them; None: as files say."""

    skip_bad: int | None = None
    """Unreadable examples that are left out; None: not one."""

    def __post_init__(self) -> None:
        _ = self.limits

    @property
    def limits(self) -> tuple[float, float] | None:
        """The values of a black and of a white pixel."""
        if self.pixel_range is None:
            return None
        try:
            low, high = map(float, self.pixel_range.split(","))
        except ValueError:
            low = high = 0.0
        if not -inf < low < high < inf:
            raise UserError(f"pixel_range={self.pixel_range!r} must be the values of a black and "
                            "of a white pixel: write, say, 0,4095.")  # fmt: skip
        return low, high

    def keywords(self) -> dict[str, Any]:
        """Return the options as `find_source` and `load_dataset` take them."""
        names = tuple(filter(None, map(str.strip, (self.columns or "").split(","))))
        return asdict(self) | {"columns": names, "pixel_range": self.limits,
                               "skip_bad": self.skip_bad or 0}  # fmt: skip

    def given(self) -> Mapping[str, Any]:
        """Return the options that are not None."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class EvaluationOptions:
    """The options by which a trained trial is measured; `UserError` where nothing could be."""

    samples: int
    """Drawn from it."""

    sampling: tuple[SamplingField, ...]
    """The model's sampling hyperparameters, with the grids of the fidelity-variety curves."""

    def __post_init__(self) -> None:
        if self.samples <= NEIGHBOURS:
            raise UserError(f"`samples > {NEIGHBOURS}` must hold, as each is compared with its "
                            f"{NEIGHBOURS} neighbours, but got "
                            f"samples={self.samples}.")  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportOptions:
    """The hyperparameters and metrics that the report draws; `UserError` unless it is searched
    in `space`."""

    space: Space
    group_by: str | None
    map_axis: str
    """Empty: nothing that is searched can be an axis, and there is no map."""

    scatter: tuple[str, str, str | None] | None

    def __post_init__(self) -> None:
        self._check_group()
        self._check_axis()
        self._check_scatter()

    @property
    def _names(self) -> str:
        return ", ".join(self.space)

    def _check_group(self) -> None:
        name = self.group_by
        if name is None:
            return
        if name not in self.space:
            raise UserError(f"group_by={name!r} is not searched: choose from {self._names}, or "
                            "leave it out.")  # fmt: skip
        if self.space[name].kind == "real":
            raise UserError(f"group_by={name!r} is a real number, of which no two trials share a "
                            "value: choose a Categorical or an Integer.")  # fmt: skip

    def _check_axis(self) -> None:
        name, space = self.map_axis, self.space
        if name and name not in space:
            raise UserError(f"map_axis={name!r} is not searched: choose from {self._names}.")
        if name and not is_positive(space[name]):
            fitting = ", ".join(n for n, one in space.items() if is_positive(one)) or "none"
            raise UserError(f"map_axis={name!r} must be a number above 0, for the map's scale is "
                            f"a logarithm: choose from {fitting}.")  # fmt: skip

    def _check_scatter(self) -> None:
        scatter = self.scatter
        if scatter is None:
            return
        if len(scatter) != 3:
            raise UserError(f"scatter={scatter!r} must be two metrics, and a searched "
                            "hyperparameter or None.")  # fmt: skip
        if scatter[2] not in (None, *self.space):
            raise UserError(f"scatter shades by {scatter[2]!r}, which is not searched: choose "
                            f"from {self._names}, or None.")  # fmt: skip


def is_positive(dimension: Any) -> bool:
    """Return whether every value is a number above 0, so that a logarithmic axis can show it."""
    if dimension.kind != "categorical":
        return bool(dimension.low > 0)
    numbers = [c for c in dimension.choices if isinstance(c, int | float) and c is not True]
    return len(numbers) == len(dimension.choices) and min(numbers) > 0
