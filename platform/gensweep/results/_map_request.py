"""Reads which hyperparameters a report's stability map runs over, and which groups its trials."""

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from gensweep.errors import UserError
from gensweep.report import MapAxis, space_axes, strata
from gensweep.results._stored_report import StoredReport
from gensweep.space import Space
from gensweep.trial import TrialView

ALL = "none"
"""As `group_by`: all trials are one group."""
MOST_AXES = 2


def regrouped(stored: StoredReport, space: Space, group_by: str) -> StoredReport:
    """Return the report grouped by another hyperparameter; `UserError` if none can group by it."""
    if group_by == ALL:
        return replace(stored, group_by=None)
    _check_searched("group_by", group_by, space, f", or {ALL}")
    if space[group_by].kind == "real":
        raise UserError(f"group_by={group_by!r} is a real number, of which no two trials share a "
                        f"value: choose a Categorical or an Integer, or {ALL}.")  # fmt: skip
    return replace(stored, group_by=group_by)


def mapped(
    stored: StoredReport, space: Space, over: Sequence[str], trials: Sequence[TrialView]
) -> tuple[StoredReport, list[MapAxis]]:
    """Return the report with its regions along the first number of `over`, and the map's axes."""
    if len({*over}) < len(over) or len(over) > MOST_AXES:
        raise UserError(f"over={','.join(over)!r} must be one hyperparameter, or two that differ.")
    for name in over:
        _check_searched("over", name, space)
    groups = 1 if stored.group_by in over else len(strata(trials, stored.group_by))
    axes = space_axes(over, space, len(trials), max(1, groups))
    numbers = [name for name in over if name != stored.group_by and _is_number(space[name])]
    return replace(stored, map_axis=(*numbers, stored.map_axis)[0]), axes


def _is_number(dimension: object) -> bool:
    choices = getattr(dimension, "choices", None) or (0,)
    return all(type(choice) in (int, float) for choice in choices)


def _check_searched(option: str, name: str, space: Space, more: str = "") -> None:
    """Raise `UserError` unless a hyperparameter is searched; the nearest is named, if one is."""
    if name not in space:
        near = get_close_matches(name, space, n=1)
        meant = f" (do you mean {near[0]}?)" if near else ""
        known = ", ".join(space) or "none, for nothing is"
        raise UserError(f"{option}={name!r} is not searched{meant}: choose from {known}{more}.")
