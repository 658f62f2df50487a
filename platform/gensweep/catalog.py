"""The models that are installed, found by entry point, so the platform names none of them."""

from importlib.metadata import entry_points
from typing import Any

from gensweep.errors import UserError
from gensweep.game import Model, capabilities
from gensweep.space import scopes

GROUP = "gensweep.models"


def catalog() -> dict[str, Model]:
    """Every model of every installed catalogue, by name."""
    found: dict[str, Model] = {}
    for entry in entry_points(group=GROUP):
        found |= entry.load()
    return found


def model_named(name: str) -> Model:
    """The model of that name; `UserError` lists the known ones."""
    known = catalog()
    if name not in known:
        raise UserError(f"unknown model {name!r}: choose from {', '.join(sorted(known))}.")
    return known[name]


def describe(model: Model) -> dict[str, Any]:
    """What a model is and what of it can be searched."""
    return {
        "name": model.name,
        "family": model.family,
        "paper": model.paper,
        "capabilities": list(capabilities(model.game)),
        "searched": list(model.space),
        "hyperparameters": scopes(model.config),
    }
