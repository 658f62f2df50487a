"""The limits of a sweep: trials, hours, images and money."""

from dataclasses import dataclass

from gensweep.errors import UserError


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

    def limit_reached(self, hours: float, cost: float) -> str | None:
        """Name the limit that ends running trials too, "hours" or "cost"; None if there is time."""
        if self.max_hours is not None and hours >= self.max_hours:
            return "hours"
        if self.max_cost is not None and cost >= self.max_cost:
            return "cost"
        return None
