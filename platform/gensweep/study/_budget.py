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
    max_money: float | None = None
    hourly_price: float | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "max_hours", "max_images", "max_money", "hourly_price"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise UserError(f"`{name} > 0` must hold, but got {name}={value}.")
        if self.max_money is not None and self.hourly_price is None:
            raise UserError("max_money needs hourly_price: say what an hour costs.")

    def spent(self, hours: float) -> str | None:
        """Which limit ends running trials too: "hours", "money" or None."""
        if self.max_hours is not None and hours >= self.max_hours:
            return "hours"
        if self.max_money is not None and hours * (self.hourly_price or 0.0) >= self.max_money:
            return "money"
        return None
