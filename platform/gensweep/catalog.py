"""Finds the installed models by entry point, so that the platform names none of them."""

import inspect
from collections.abc import Mapping
from dataclasses import asdict, fields
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeGuard

from gensweep.errors import UserError
from gensweep.frames import with_user_line
from gensweep.game import Model
from gensweep.game_capabilities import capabilities
from gensweep.sampling_fields import sampling_fields
from gensweep.space import scopes, space_as_json

GROUP = "gensweep.models"
"""Entry points of this group load a model, or a dict of models by name."""
UNTELLING = ("Settings", "Systems")
"""How a line begins that says only that there are settings, or of which of many systems."""
BOUNDS = {"above": "> {}", "at_least": ">= {}", "below": "< {}", "at_most": "<= {}"}
PARTS = ("name", "family", "paper", "config", "game", "space")


def catalog() -> dict[str, Model]:
    """Load every model of every installed catalogue, by name."""
    found: dict[str, Model] = {}
    for entry in entry_points(group=GROUP):
        found |= _load(entry)
    return found


def _load(entry: EntryPoint) -> dict[str, Model]:
    """Load an entry point; `UserError` if it cannot be, or is something else."""
    told = f"the entry point {entry.name} = {entry.value!r} of the group {GROUP}"
    try:
        found = entry.load()
    except Exception as error:
        raise UserError(f"{told} cannot be loaded: {with_user_line(error)}") from error
    models = {found.name: found} if is_model(found) else found
    if not isinstance(models, dict) or not all(map(is_model, models.values())):
        raise UserError(f"{told} is neither a model nor a dict of models by name.")
    return models


def is_model(value: object) -> TypeGuard[Model]:
    """Return whether a value has the parts of a model; a class of models has them not yet."""
    return not isinstance(value, type) and all(hasattr(value, part) for part in PARTS)


def model_named(name: str) -> Model:
    """Return the model of that name; `UserError` lists the known ones."""
    known = catalog()
    if name not in known:
        raise UserError(f"unknown model {name!r}: choose from {', '.join(sorted(known))}.")
    return known[name]


def describe(model: Model) -> dict[str, Any]:
    """Describe a model and its hyperparameters as plain JSON, with the scope of each.

    Of those of sampling it tells the meaning, the neutral value and the grid. A catalogue whose
    models have no `presets`, or no `published` or `measured` figures, has none to tell.
    """
    return {
        "name": model.name,
        "summary": summary(model),
        "family": model.family,
        "paper": model.paper,
        "capabilities": list(capabilities(model.game)),
        "searched": list(model.space),
        "space": space_as_json(model.space),
        "hyperparameters": scopes(model.config),
        "sampling": [asdict(field) for field in sampling_fields(model.config)],
        "fields": [_describe_field(field, model) for field in fields(model.config)],
        "presets": {
            data: {
                "images": preset.images,
                "settings": dict(preset.settings),
                **{n: getattr(preset, n, None) for n in ("metric", "reached", "short")},
            }
            for data, preset in getattr(model, "presets", {}).items()
        },
        "published": published_figures(model),
        "measured": [asdict(row) for row in getattr(model, "measured", ())],
    }


def published_figures(model: Model) -> list[dict[str, Any]]:
    """Return the likelihoods that papers tell of a model, as plain JSON.

    Each has `data`, `metric`, `value`, `of` (what it is a density of), `protocol`, `budget` and
    `source` in words, and `evidence`: read, quoted or recalled.
    """
    return [asdict(figure) for figure in getattr(model, "published", ())]


def summary(model: Model) -> str:
    """Say in a line what a model is: by its configuration, or else by the module of its game.

    The configuration of a system that is another one with other settings says what it is; that of
    a system with a file of its own says only that it has settings.
    """
    modules = (inspect.getmodule(model.config), inspect.getmodule(model.game))
    said = (model.config.__doc__, *(one.__doc__ for one in modules if one), model.game.__doc__)
    lines = [(one or "").split("\n")[0].rstrip(".") for one in said]
    signature = f"{model.config.__name__}("  # what dataclasses without a docstring get
    telling = (one for one in lines if one and not one.startswith((*UNTELLING, signature)))
    return next(telling, "")


def _describe_field(field: Any, model: Model) -> dict[str, Any]:
    told = field.metadata
    return {
        "name": field.name,
        "default": field.default,
        "scope": told.get("scope", "fixed"),
        "meaning": told.get("doc") or getattr(model.config, "meanings", {}).get(field.name, ""),
        "bounds": dict(told.get("bounds", {})),
        "searched": field.name in model.space,
    }


def field_texts(model: Model) -> dict[str, str]:
    """Say what each hyperparameter of a model is, with its bounds; empty for one without either."""
    return {field.name: field_text(_describe_field(field, model)) for field in fields(model.config)}


def field_text(field: Mapping[str, Any]) -> str:
    """Say what a field, as `describe` has it, is, with its bounds."""
    return "; ".join(filter(None, (field["meaning"], bounds_text(field["bounds"]))))


def bounds_text(bounds: Mapping[str, Any]) -> str:
    """Write the bounds of a field as `describe` has them.

    >>> bounds_text({"at_least": 0, "below": 1}), bounds_text({"choices": ("adam", "sgd")})
    ('>= 0 and < 1', 'adam or sgd')
    """
    if "choices" in bounds:
        return " or ".join(map(str, bounds["choices"]))
    return " and ".join(BOUNDS[name].format(value) for name, value in bounds.items())
