"""What a pack knows of the trial in one of its lanes."""

from dataclasses import dataclass
from typing import Any

from gensweep.lanes import Progress
from gensweep.trial import Lineage, Outcome, TrialState
from gensweep.worker._protocol import LeaseLike

GAIN, NOISE = 1.1, 0.02
"""By how much a slow trial's variety must exceed its largest so far: chance gives less."""


@dataclass(slots=True)
class LaneTrial:
    """A lane's trial and the ticks at which it is evaluated next."""

    lease: LeaseLike
    stops: tuple[int, ...]
    variety: float | None
    """The largest so far; None before the first evaluation."""
    lineage: Lineage
    """Whose states it took over, of population-based training."""
    reached: int = 0
    unheard: int = 0
    """Reports whose verdicts have not come."""
    reported: tuple[dict[str, Any], Progress] | None = None
    """What it rests upon until the coordinator's verdict has come, if it waits for one."""

    def next_stop(self) -> int:
        return self.stops[self.reached]

    @property
    def ending(self) -> bool:
        """Whether the next evaluation is the last."""
        return self.reached + 1 == len(self.stops)

    def skip(self, ticks: int) -> None:
        """Leave out the evaluations that a trial which goes on after `ticks` has had."""
        while self.next_stop() <= ticks and not self.ending:
            self.reached += 1

    def reconsider(self, result: dict[str, Any]) -> None:
        """A trial whose samples still gain variety has not collapsed: it is slow."""
        variety, before = result["variety"], self.variety
        gains = before is not None and variety > GAIN * before + NOISE
        if result["outcome"] == Outcome.COLLAPSED and gains:
            result |= {"outcome": Outcome.UNCONVERGED, "state": TrialState.COMPLETED,
                       "cause": f"{result['cause']}, still gaining variety"}  # fmt: skip
        self.variety = variety if before is None else max(before, variety)
