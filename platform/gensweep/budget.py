"""What a sweep may spend, and when it has."""

from dataclasses import dataclass

from gensweep.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """Limits of a sweep; None: unlimited."""

    trials: int
    max_hours: float | None = None
    """Wall hours during which the study was open, over all sessions."""
    max_images: int | None = None
    max_cost: float | None = None
    """Money, over all sessions; a sweep stops while saving what runs is still within it."""

    def __post_init__(self) -> None:
        for name in ("trials", "max_hours", "max_images", "max_cost"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"`{name} > 0` must hold, but got {name}={value}.")

    def spent(self, hours: float, cost: float) -> str | None:
        """Which limit ends running trials too: "hours", "cost" or None."""
        if self.max_hours is not None and hours >= self.max_hours:
            return "hours"
        if self.max_cost is not None and cost >= self.max_cost:
            return "cost"
        return None
