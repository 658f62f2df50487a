"""Finds the installed models by entry point, so that the platform names none of them."""

from dataclasses import asdict
from importlib.metadata import entry_points
from typing import Any

from gensweep.errors import UserError
from gensweep.game import Model, capabilities
from gensweep.sampling_fields import sampling_fields
from gensweep.space import scopes

GROUP = "gensweep.models"
"""Entry points of this group load a dict of models by name."""


def catalog() -> dict[str, Model]:
    """Load every model of every installed catalogue, by name."""
    found: dict[str, Model] = {}
    for entry in entry_points(group=GROUP):
        found |= entry.load()
    return found


def model_named(name: str) -> Model:
    """Return the model of that name; `UserError` lists the known ones."""
    known = catalog()
    if name not in known:
        raise UserError(f"unknown model {name!r}: choose from {', '.join(sorted(known))}.")
    return known[name]


def describe(model: Model) -> dict[str, Any]:
    """Describe a model and its hyperparameters as plain JSON, with the scope of each.

    Of those of sampling it tells the meaning, the neutral value and the grid.
    """
    return {
        "name": model.name,
        "family": model.family,
        "paper": model.paper,
        "capabilities": list(capabilities(model.game)),
        "searched": list(model.space),
        "hyperparameters": scopes(model.config),
        "sampling": [asdict(field) for field in sampling_fields(model.config)],
    }
