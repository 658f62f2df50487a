"""When a trial began to fail, as far as its evaluations tell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


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
