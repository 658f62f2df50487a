"""Counts what lanes did with their time: trained, were evaluated, or stood idle."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

KINDS = ("training", "evaluation", "idle")


@dataclass(slots=True)
class LaneUsage:
    """Lane-seconds of a pack after its first segment, which is still the start.

    A lane is idle while its trial waits for the verdict on it, while its pack waits for the
    coordinator or the store, and for the share of turns that were computed for it and that it did
    not take. Lanes for which there are no more trials are given up and not counted. The evaluation
    of some lanes, in which the whole pack rests, is evaluation.
    """

    training: float = 0.0
    evaluation: float = 0.0
    idle: float = 0.0
    started: bool = False
    lanes: int = 0
    """Of the round that is under way; those that end within it count till its end."""

    @contextmanager
    def round(self, lanes: int) -> Iterator[None]:
        """Count what of the time within a round is neither training nor evaluation as idle."""
        self.lanes = lanes
        begin, before = time.monotonic(), self._sum()
        yield
        self.idle += max(0.0, lanes * (time.monotonic() - begin) - (self._sum() - before))
        if not self.started:
            self.training = self.evaluation = self.idle = 0.0
        self.started = True

    def train(self, seconds: float, share: float, going: int) -> None:
        """Count a segment in which the `going` lanes took the `share` of the turns computed."""
        self.training += seconds * min(self.lanes, going) * min(1.0, share)

    def evaluate(self, seconds: float) -> None:
        """Count the evaluation of some lanes."""
        self.evaluation += seconds * self.lanes

    def _sum(self) -> float:
        return self.training + self.evaluation + self.idle

    def seconds(self) -> dict[str, float]:
        """Return lane-seconds by kind."""
        return {kind: getattr(self, kind) for kind in KINDS}


def shares(used: Mapping[str, float]) -> dict[str, float]:
    """Return each kind's part of all lane-seconds; empty if there are none."""
    total = sum(used.values())
    return {kind: used.get(kind, 0.0) / total for kind in KINDS} if total > 0 else {}


def shares_text(used: Mapping[str, float]) -> str:
    """Say the shares in words; empty if there are none.

    >>> shares_text({"training": 90.0, "evaluation": 9.0, "idle": 1.0})
    '90.0 % training, 9.0 % evaluation, 1.0 % idle'
    """
    return ", ".join(f"{100 * share:.1f} % {kind}" for kind, share in shares(used).items())
