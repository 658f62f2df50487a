"""A study's trials in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class StudySummary:
    """Counts of a study at one moment."""

    states: Mapping[str, int]
    """Trials in each state that occurs."""
    total: int
    """Trials that the search has drawn so far."""
    target: int
    """Trials that the budget allows, and those that confirm the best of them."""
    images: int
    """Training examples that ended trials have seen."""
