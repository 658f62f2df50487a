"""Metrics of samples that a sweep's script defines."""

import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsFloat

from gensweep.errors import UserError
from gensweep.frames import with_user_line
from gensweep.metric import is_metric_name

if TYPE_CHECKING:
    from torch import Tensor

SEED = 0
"""Of torch's random numbers while a metric measures."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnMetric:
    """A number of a trial's samples beside real examples, which a script defines.

    `UserError` for a name that trackers would change, and for what cannot be called.
    """

    name: str
    measure: Callable[["Tensor", "Tensor"], SupportsFloat]
    """Takes samples [N, *shape] and held-out examples [M, *shape], images in [-1, 1]."""

    larger_is_better: bool | None
    """None: neither end is, and no trial may be ranked by it."""

    formula: str
    """In words or signs, for the protocol."""

    def __post_init__(self) -> None:
        if not is_metric_name(self.name):
            raise UserError(f"metric {self.name!r}: name it with letters, digits and _ . - /.")
        if not callable(self.measure):
            raise UserError(f"metric {self.name!r} must have a function of samples and real "
                            f"examples as `measure`, but got {self.measure!r}.")  # fmt: skip


def formulas(metrics: Iterable[OwnMetric]) -> dict[str, str]:
    """Return each formula by its metric's name, as stored sweeps and protocols have it."""
    return {metric.name: metric.formula for metric in metrics}


def check_metrics(metrics: Sequence[OwnMetric], taken: Mapping[str, object]) -> None:
    """`UserError` unless all are metrics by names of their own, and by none that is `taken`."""
    if not isinstance(metrics, list | tuple) or not all(isinstance(m, OwnMetric) for m in metrics):
        raise UserError(f"metrics must be a tuple of OwnMetric, but got {metrics!r}.")
    names = [metric.name for metric in metrics]
    for name in names:
        if name in taken or names.count(name) > 1:
            raise UserError(f"metrics: {name!r} is the name of another metric: take another.")


def measure_own(
    metrics: Iterable[OwnMetric], samples: "Tensor", real: "Tensor"
) -> dict[str, float]:
    """Measure samples by each; what fails or is not finite is left out, with a warning.

    Each gets copies, and the same random numbers of torch at every call.
    """
    import torch

    found = {}
    for metric in metrics:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(SEED)
                value = float(metric.measure(samples.clone(), real.clone()))
        except Exception as error:
            _log.warning("metric %s failed: %s", metric.name, with_user_line(error))
            continue
        if math.isfinite(value):
            found[metric.name] = value
        else:
            _log.warning("metric %s is %s, and left out", metric.name, value)
    return found


def try_own(metrics: Iterable[OwnMetric], samples: "Tensor", real: "Tensor") -> None:
    """`UserError` for the first that cannot measure, before a sweep is started."""
    for metric in metrics:
        try:
            float(metric.measure(samples, real))
        except Exception as error:
            told = f"metric {metric.name!r} fails on samples {tuple(samples.shape)}"
            raise UserError(f"{told} and examples {tuple(real.shape)}: "
                            f"{with_user_line(error)}.") from error  # fmt: skip
