"""The options by which a user chooses what of the files is read, and how."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """The options that `find_source` takes beside the place of the data."""

    image_size: int | None = None
    """Pixels of the sides of all images after scaling and cropping."""

    column: str | None = None
    """Of Parquet, with the images; `images[1]` is the second of each list."""

    label: str | None = None
    """Column with the classes; `UNLABELLED`: there are none."""

    columns: tuple[str, ...] = ()
    """Other columns that batches have, too."""

    pixel_range: tuple[float, float] | None = None
    """Values of a black and of a white pixel."""

    skip_bad: int = 0
    """Unreadable examples that are left out before it is an error."""

    def given(self) -> dict[str, Any]:
        """Return the options that are not as usual."""
        usual = asdict(AS_USUAL)
        return {name: value for name, value in asdict(self).items() if value != usual[name]}

    @property
    def words(self) -> str:
        """Say what is done to images, for a data set's protocol; empty if nothing is."""
        size, limits = self.image_size, self.pixel_range
        scaled = f", pixels of {limits[0]:g} to {limits[1]:g}" if limits else ""
        cut = f", shorter side to {size} and centre crop" if size else ""
        return scaled + cut + (", without classes" if self.is_unlabelled else "")

    @property
    def is_unlabelled(self) -> bool:
        """Return whether the user says that there are no classes."""
        return self.label == UNLABELLED

    @property
    def named_label(self) -> str | None:
        """The column of the classes, where the user names one."""
        return None if self.is_unlabelled else self.label


UNLABELLED = "none"
"""What a user writes in the place of a column's name where nothing is a class."""
AS_USUAL = ReadOptions()
"""Nothing is chosen."""
