"""Checks a configuration's fields before any training: those that packs read are there."""

from collections.abc import Iterator, Mapping
from typing import Any

from gensweep.errors import UserError
from gensweep.space import scopes, with_scope

RESERVED = ("progress", "spent")
"""Names under which a loss finds in `hyper` what the engine tells it."""


def check_config(config: Any, model_name: str) -> None:
    """Raise `UserError`, one line, for the first field that cannot be as it is."""
    for wrong in (*_batch_size(config), *_names(config), *_lane_fields(config)):
        raise UserError(f"{model_name}: {wrong}")


def numbers_of(config: Any) -> dict[str, float]:
    """Return the values that a player may name: those which reach a lane's hyperparameters."""
    values = with_scope(config, "lane", "latent", "sampling")
    return {name: value for name, value in values.items() if isinstance(value, int | float)}


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number, which a truth value is not."""
    return isinstance(value, int) and not isinstance(value, bool)


def _batch_size(config: Any) -> Iterator[str]:
    size: Any = getattr(config, "batch_size", None)
    if not is_whole(size) or size < 1:
        yield f"the configuration needs a batch_size, 1 or more, but has {size!r}: declare it."
    elif scopes(config)["batch_size"] != "fixed":
        yield "batch_size shapes every tensor of a pack: declare it with fixed(...)."


def _names(config: Any) -> Iterator[str]:
    taken = {*RESERVED, *(f"padded_{name}" for name in with_scope(config, "latent"))}
    for name in scopes(config):
        if name in taken:
            yield f"the field {name!r} has the name of what a loss is told: rename it."


def _lane_fields(config: Any) -> Iterator[str]:
    values: Mapping[str, Any] = with_scope(config, "lane", "latent")
    for name, value in values.items():
        if not isinstance(value, int | float):
            yield (f"{name}={value!r} is no number, but may differ between the lanes of a pack: "
                   "declare it with fixed(...).")  # fmt: skip
    for name, value in with_scope(config, "latent").items():
        if not is_whole(value) or value < 1:
            yield f"{name}={value!r} is a latent size: it must be a whole number, 1 or more."
