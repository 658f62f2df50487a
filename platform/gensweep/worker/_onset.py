"""When a trial began to fail, as far as its evaluations and its learning curve tell."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from gensweep.learning_curve import CurvePoint

SIGNS: Mapping[str, Callable[[float], bool]] = {
    "critic_accuracy": lambda share: share >= 0.995,
    "active_share": lambda share: share <= 0.0,
    "perplexity": lambda codes: codes <= 1.01,
}
"""By training metric, if its mean over a part of the budget is that of a training at a standstill.

A critic that is never wrong teaches nothing, a latent or codebook that tells nothing is lost. A
loss that is not finite ends its trial at once, with the turn in the cause."""


def signs(points: Sequence[CurvePoint]) -> str:
    """Say which signs of failure a curve ends with, and from where on; empty if with none.

    A point is the mean over the part that ends there, so that a sign began in that part.

    >>> shares = (0.7, 1.0, 0.8, 0.999, 1.0)
    >>> signs([CurvePoint(100 * n, 0, {"critic_accuracy": v}) for n, v in enumerate(shares, 1)])
    'critic_accuracy 1 from 400 images on'
    """
    return ", ".join(filter(None, (_sign(name, points) for name in SIGNS)))


def _sign(name: str, points: Sequence[CurvePoint]) -> str:
    told = [(point.images, point.metrics[name]) for point in points if name in point.metrics]
    last = list(takewhile(lambda at: SIGNS[name](at[1]), reversed(told)))
    return f"{name} {last[0][1]:.3g} from {last[-1][0]:,} images on" if last else ""


@dataclass(frozen=True, slots=True)
class Onset:
    """The images seen at the last sound evaluation, and at the first that has failed since.

    >>> onset = Onset().after(1000, failed=False).after(2000, failed=True)
    >>> onset.after(3000, failed=True).words, Onset().after(1000, failed=True).words
    ('began between 1,000 and 2,000 images', 'began by 1,000 images')
    >>> onset.after(3000, failed=False)
    Onset(sound_at=3000, failed_at=None)
    """

    sound_at: int | None = None
    failed_at: int | None = None

    def after(self, images: int, *, failed: bool) -> "Onset":
        """Return what is known after an evaluation at so many images."""
        if not failed:
            return Onset(sound_at=images)
        return self if self.failed_at is not None else replace(self, failed_at=images)

    @property
    def words(self) -> str:
        """Say between which evaluations it began; empty if the last was sound."""
        if self.failed_at is None:
            return ""
        if self.sound_at is None:
            return f"began by {self.failed_at:,} images"
        return f"began between {self.sound_at:,} and {self.failed_at:,} images"

    def to_json(self) -> list[int | None]:
        """Return what `from_json` reads."""
        return [self.sound_at, self.failed_at]

    @classmethod
    def from_json(cls, told: Sequence[int | None]) -> "Onset":
        """Read what a checkpoint holds; of an earlier version it holds nothing."""
        return cls(*told)
