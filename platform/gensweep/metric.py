"""Kinds of metrics, their names, and the sizes that are a part of the protocol they are told with.

`gensweep.known_metrics` is the table of them all.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "points", "points without modes", "images", "labelled images", "given classes", "likelihood",
    "scores", "critic",
]  # fmt: skip
"""What a metric is measured of: samples of a mixture with known modes, of other points, of images
and whatever else is compared in features, of data with classes, of a model that is given the class;
held-out examples under a model that has `log_prob`, or `scores`, or beside training examples by a
critic."""

POINTS: Final = frozenset[Kind]({"points"})
ALL_POINTS: Final = POINTS | frozenset[Kind]({"points without modes"})
IMAGES: Final = frozenset[Kind]({"images", "labelled images"})
LABELLED: Final = frozenset[Kind]({"labelled images"})
GIVEN_CLASSES: Final = frozenset[Kind]({"given classes"})
SAMPLE_KINDS: Final = POINTS | IMAGES | GIVEN_CLASSES
LIKELIHOOD: Final = frozenset[Kind]({"likelihood"})
SCORES: Final = frozenset[Kind]({"scores"})
CRITIC: Final = frozenset[Kind]({"critic"})

NEUTRAL: Final = "neutral_"
"""Before the name of a metric of samples that were drawn with every sampling hyperparameter at its
neutral value: those that a trial is judged by."""

ERROR: Final = "_standard_error"
"""After the name of a metric: its standard error, over samples or over held-out examples."""

COPIED: Final = "copied"
"""The metric for which all training examples are searched, once for each trial."""

W1: Final = "w1"
"""The metric for which samples are assigned to real points."""

AT_THE_END: Final = frozenset({COPIED, W1})
"""Metrics that take longer than the others: measured where a trial ends, and at its rungs only if
trials are ranked by them."""

TRANSPORTED: Final = 500
"""Samples, and real points, of the exact Wasserstein distance: of those it takes some 0.1 s a lane,
and 0.17 s of 784 columns."""

OVERFITTING: Final = "critic_overfitting"
"""The metric of what the critic knows by heart."""

SLOPE: Final = "critic_slope"
"""The metric of how steep the critic is."""

VERDICT: Final = (
    "of samples with every sampling hyperparameter at its neutral value, which says how training "
    "went; collapsed: below the bounds, and with no more variety than a tenth and 0.02 above that "
    "of earlier evaluations"
)
"""In a protocol, what verdicts are of. Stored with sweeps: other words make those unresumable."""

JUDGED: Final = "by the scores of the model, for its samples do not tell how training went"
"""In the place of `VERDICT` where a game has `verdict_bounds`."""

NEIGHBOURS: Final = 5
"""The k of the metrics that look at the k-th neighbour; there must be more samples than that."""

FEW_EXAMPLES: Final = 20 * NEIGHBOURS
"""With fewer real examples the balls that reach to the k-th neighbour hold a large part of all, so
that samples which fill them prove little."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A metric as its readers need it; K modes or classes, N samples, p their shares among them."""

    name: str
    larger_is_better: bool | None
    """None: neither end is, and no trial may be ranked by it."""

    unit: str
    """Empty for a ratio or a count."""

    formula: str
    source: str = ""
    """The paper that defines it; empty for what needs none."""

    kinds: frozenset[Kind]

    @property
    def label(self) -> str:
        """Return the name, unit and better end of the metric, for an axis.

        >>> Metric(name="nll", larger_is_better=False, unit="nats", formula="", kinds=SCORES).label
        'nll (nats, less is better)'
        """
        return label(self.name, self.unit, self.larger_is_better)


def label(name: str, unit: str, larger_is_better: bool | None) -> str:
    """Name a metric with its unit and its better end, as far as they are known."""
    better = {True: "more is better", False: "less is better", None: ""}[larger_is_better]
    told = ", ".join(filter(None, (unit, better)))
    return f"{name} ({told})" if told else name


NAME: Final = re.compile(r"[\w./ -]+")
"""Characters of a metric's name: trackers would replace others, and make two names one."""
LONGEST_NAME: Final = 200
"""Characters: trackers take 250, and what an evaluation measures by it has a word before it."""


def is_metric_name(name: object) -> bool:
    """Return whether a metric may be called so: trackers take no path that is one of another name.

    >>> is_metric_name("critic_gap"), is_metric_name("gap\\n"), is_metric_name(1)
    (True, False, False)
    >>> is_metric_name("critic/gap"), is_metric_name("../gap"), is_metric_name("critic//gap")
    (True, False, False)
    """
    if not isinstance(name, str) or len(name) > LONGEST_NAME or not NAME.fullmatch(name):
        return False
    return posixpath.normpath(name) == name and not name.startswith(("..", "/")) and name != "."
