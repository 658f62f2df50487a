"""The facts that a report states about a sweep as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepFacts:
    """Holds what a report states beside the trials; a field that is empty leaves its line out.

    The report prints every field as it is: the caller replaces secrets first.
    """

    name: str = "sweep"
    """The title."""
    question: str = ""
    """What the sweep's script asks; empty in sweeps of earlier versions."""
    summary: str = ""
    """One sentence: the model, the data, the budget and the searched hyperparameters."""
    not_searched: Mapping[str, object] = field(default_factory=dict)
    """Name to value of each hyperparameter that is the same in all trials."""
    held_out: str = ""
    """The best trial's likelihood on the test examples that ranked no trial, in words."""
    floor: str = ""
    """What real examples score in the place of samples, in words."""
    floor_metrics: Mapping[str, float] = field(default_factory=dict)
    """The same by metric, for the tables; empty in sweeps of earlier versions."""
    lane_time: str = ""
    """The shares of training, evaluation and idling in the time of the packs' lanes, in words."""
    protocol: Mapping[str, Any] = field(default_factory=dict)
    """How trials were sampled, measured and judged: the evaluator's protocol. `kind`, `bounds`,
    `verdict`, `scores`, `sampling` and `curve` are told in words where they are present, and all
    as JSON."""
    sampling: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Sampling hyperparameter to its `title`, and `log`, whether its grid is even as logarithms."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Package to version."""
    seed: int | None = None
    """The seed of the sweep."""
    published: Sequence[Mapping[str, Any]] = ()
    """Figures of papers for this model and data, as `gensweep.catalog.published_figures` tells
    them; `test` and the trials are set beside them."""
    test: Mapping[str, Any] = field(default_factory=dict)
    """The metrics and the protocol of `held_out`, empty without it."""
    next_command: str = ""
    """The command line that continues or enlarges the sweep."""
    lookup: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By heading, names that a reader may look up, and what each is. Metrics need not be told."""
