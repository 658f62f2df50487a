"""Measures real examples as if they were samples: what a perfect model would score."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gensweep.evaluation._lane_evaluator import LaneEvaluator
from gensweep.frames import with_user_line
from gensweep.known_metrics import METRICS
from gensweep.metric import COPIED
from gensweep.metrics import draw

_log = logging.getLogger(__name__)

if TYPE_CHECKING:
    from gensweep.data import Dataset

TOLD = ("frechet", "density", "coverage", "modes", "high_quality")
"""Metrics of samples that are told beside that which ranks trials."""
LEFT_OUT = ("finite", "samples")
"""What is no measure of them. They are not searched for copies of themselves, either."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Floor:
    """The metrics of real training examples in the place of samples."""

    metrics: Mapping[str, float]
    examples: int

    def text(self, metric: str) -> str:
        """Tell the `metric` that ranks trials, if samples have it, and some others.

        >>> Floor(metrics={"frechet": 0.81, "coverage": 0.97}, examples=1000).text("frechet")
        '1,000 real training examples in the place of samples: frechet 0.81, coverage 0.97'
        """
        names = dict.fromkeys((metric, *TOLD))
        told = ", ".join(f"{n} {self.metrics[n]:.4g}" for n in names if n in self.metrics)
        return f"{self.examples:,} real training examples in the place of samples: {told}"


def measure_floor(evaluator: LaneEvaluator, train: "Dataset") -> Floor | None:
    """Measure as many training examples as a trial draws samples, or all if there are fewer.

    None, with a warning, where that fails, and where trials are held against training examples.
    """
    if evaluator.evaluator.protocol["split"] == "train" and evaluator.modes is None:
        return None
    try:
        return _measured(evaluator, train)
    except Exception as error:
        _log.warning("what real examples score was not measured: %s", with_user_line(error))
        return None


def _measured(evaluator: LaneEvaluator, train: "Dataset") -> Floor:
    source = train.source("cpu")
    # In the order drawn, for a metric may take the first, and files often come sorted by class.
    rows = draw(train.count, evaluator.evaluator.samples)
    real = source.gather(rows)
    classes = real.get("y") if evaluator.given else None
    (found,) = evaluator.measure(real["x"][None], classes, METRICS.keys() - {COPIED})
    told = {name: value for name, value in found.items() if name not in LEFT_OUT}
    return Floor(metrics=told, examples=len(rows))
