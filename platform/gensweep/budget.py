"""The limits of a sweep: trials, hours, images and money."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from gensweep.errors import UserError


class StopReason(StrEnum):
    """The reason why a sweep hands out no more trials, and the field of a sweep that asked for it.

    >>> StopReason.HOURS.field, f"{StopReason.HOURS}"
    ('max_hours', 'hours')
    """

    #            value        field
    TRIALS = "trials", "trials"
    HOURS = "hours", "max_hours"
    IMAGES = "images", "max_images"
    COST = "cost", "max_cost"
    CANCELLED = "cancelled", None

    field: str | None
    """None: no limit of the sweep."""

    def __new__(cls, value: str, field: str | None = None) -> Self:
        member = str.__new__(cls, value)
        member._value_, member.field = value, field
        return member


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """The limits of what all trials of a sweep together may spend; None: no limit.

    `UserError` unless every limit is above 0.
    """

    trials: int
    max_hours: float | None = None
    """Wall hours during which the study was open, over all sessions."""
    max_images: int | None = None
    max_cost: float | None = None
    """Money, over all sessions; a sweep stops while enough is left to save what runs."""

    def __post_init__(self) -> None:
        for name in ("trials", "max_hours", "max_images", "max_cost"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"`{name} > 0` must hold, but got {name}={value}.")

    def limit_reached(self, hours: float, cost: float) -> StopReason | None:
        """Tell the limit that ends running trials too, hours or cost; None if there is time."""
        if self.max_hours is not None and hours >= self.max_hours:
            return StopReason.HOURS
        if self.max_cost is not None and cost >= self.max_cost:
            return StopReason.COST
        return None
