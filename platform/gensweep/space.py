"""Search spaces, and which of their dimensions may differ between the trials of a pack.

A dimension is any object with a `kind` and its bounds or choices; a configuration is a frozen
dataclass whose fields carry a `scope` in their metadata: `lane` (a per-trial scalar), `latent`
(padded to the pack's maximum), `sampling` (no part of training) or `fixed` (the signature).
"""

import dataclasses
import hashlib
import itertools
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from gensweep.errors import UserError


class Dimension(Protocol):
    """One axis of a search space."""

    @property
    def kind(self) -> Literal["real", "integer", "categorical"]: ...
    @property
    def when(self) -> Mapping[str, tuple[Any, ...]] | None:
        """The choices of other dimensions under which this one exists; None: always."""


KINDS: dict[type, tuple[str, Callable[[Any], bool]]] = {
    bool: ("True or False", lambda value: isinstance(value, bool)),
    str: ("a name", lambda value: isinstance(value, str)),
    int: ("a whole number", lambda value: type(value) is int),
    float: (
        "a finite number",
        lambda value: type(value) in (int, float) and abs(value) <= sys.float_info.max,
    ),
}
"""Requirements on a field's values by the type of its default: in words, and as a test."""

Space = Mapping[str, Any]
"""Dimensions by the name of the field that they search."""


def scopes(config: Any) -> dict[str, str]:
    """Return field name to scope; a field without one is `fixed`."""
    return {f.name: f.metadata.get("scope", "fixed") for f in dataclasses.fields(config)}


def with_scope(config: Any, *wanted: str) -> dict[str, Any]:
    """Return the values of those fields of `config` that have one of the `wanted` scopes."""
    return {n: getattr(config, n) for n, scope in scopes(config).items() if scope in wanted}


def pad_latent_sizes(config: Any, space: Space) -> Any:
    """Raise the latent sizes of `config` to the largest that `space` allows.

    Lanes of a pack share tensors, so each is as wide as the widest, and masks what it does not use.
    """
    sizes = with_scope(config, "latent")
    highest = {n: largest(space[n], size) for n, size in sizes.items() if n in space}
    return dataclasses.replace(config, **highest) if highest else config


def largest(dimension: Any, otherwise: Any) -> Any:
    """Return the largest value of a numeric dimension, or of a categorical one with numbers."""
    if dimension.kind == "categorical":
        return max(dimension.choices, default=otherwise)
    return dimension.high


def signature(config: Any, space: Space) -> str:
    """Hash what may not differ inside a pack: trials of one signature can train together."""
    fixed = with_scope(pad_latent_sizes(config, space), "fixed", "latent")
    text = json.dumps([type(config).__name__, fixed], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def strata(config: type[Any], space: Space) -> tuple[str, ...]:
    """List the searched dimensions that belong to the signature."""
    return tuple(n for n in space if scopes(config).get(n) == "fixed")


def check_space(config: type[Any], space: Space) -> None:
    """Raise `UserError` unless every dimension of `space` is a field of `config` and fits it."""
    known = scopes(config)
    for name, dimension in space.items():
        if name not in known:
            raise UserError(f"unknown hyperparameter {name!r}: choose from {', '.join(known)}.")
        if known[name] == "fixed" and dimension.kind != "categorical":
            raise UserError(f"{name!r} shapes the network: search it as a Categorical.")
        check_type(config, name, dimension.kind)
        for value in _extremes(dimension):
            check_choice(config, name, value)


def check_defaults(config: type[Any]) -> None:
    """Raise `UserError` unless the configuration can have its own defaults, as each must."""
    try:
        config()
    except (TypeError, ValueError) as error:
        raise UserError(f"a default of {config.__name__} will not do: {error}") from error


def check_choice(config: type[Any], name: str, value: Any, what: str = "the space") -> None:
    """Raise `UserError` unless a configuration can have the value, which `what` has, of a field."""
    check_value(config, name, value)
    try:
        config(**{name: value})
    except (TypeError, ValueError) as error:
        raise UserError(f"{what} does not fit: {error}") from error


def check_type(config: type[Any], name: str, kind: str) -> None:
    """Raise `UserError` if a whole number is searched as a real one, which training would round."""
    if kind == "real" and isinstance(_default(config, name), int):
        raise UserError(f"{name!r} is a whole number: search it as an Integer.")


def check_value(config: type[Any], name: str, value: Any) -> None:
    """Raise `UserError` unless the value is finite and of the kind of the field's default."""
    default = _default(config, name)
    wanted, fits = KINDS.get(type(default), ("", lambda value: True))
    if not fits(value):
        raise UserError(f"{name}={value!r} will not do: it must be {wanted}, as {default!r} is.")


def _default(config: type[Any], name: str) -> Any:
    return next(f.default for f in dataclasses.fields(config) if f.name == name)


def _extremes(dimension: Any) -> tuple[Any, ...]:
    if dimension.kind == "categorical":
        return tuple(dimension.choices)
    return (dimension.low, dimension.high)


Stratum = dict[str, Any]
"""One choice for each searched dimension of the signature, by name."""
DIMENSION_KINDS = ("real", "integer", "categorical")


def conditions(dimension: Any) -> dict[str, tuple[Any, ...]]:
    """Return the choices of other dimensions under which this one exists; empty: always."""
    return dict(getattr(dimension, "when", None) or {})


def is_active(dimension: Any, values: Mapping[str, Any]) -> bool:
    """Return whether `values` meets the dimension's conditions."""
    return all(values.get(parent) in wanted for parent, wanted in conditions(dimension).items())


def order_dimensions(space: Mapping[str, Any], strata: tuple[str, ...]) -> list[str]:
    """Order the names of `space`: strata first, and each after those that its conditions name.

    `UserError` if a kind is unknown, a stratum is not categorical, or conditions form a circle.
    """
    for name, dimension in space.items():
        if dimension.kind not in DIMENSION_KINDS:
            kinds = ", ".join(DIMENSION_KINDS)
            raise UserError(f"{name!r} has kind {dimension.kind!r}: choose from {kinds}.")
    for name in strata:
        if name not in space:
            raise UserError(f"stratum {name!r} is not searched: choose from {', '.join(space)}.")
        if space[name].kind != "categorical":
            raise UserError(f"stratum {name!r} is {space[name].kind}: it must be categorical.")
        for parent in set(conditions(space[name])) - set(strata):
            raise UserError(f"{name!r} shapes the network, so that {parent!r}, which may differ "
                            "between the trials of a pack, cannot be its condition: leave `when` "
                            "out.")  # fmt: skip
    # A topological sort that keeps the given order: a sampler's draws depend on it, so that a space
    # written alike must give the same trials.
    names: list[str] = []
    waiting = sorted(space, key=lambda n: n not in strata)
    while waiting:
        ready = [n for n in waiting if set(conditions(space[n])) <= set(names)]
        if not ready:
            raise UserError(f"the conditions of {waiting[0]!r} name no searched dimension.")
        names.append(ready[0])
        waiting.remove(ready[0])
    return names


def all_strata(space: Mapping[str, Any], names: tuple[str, ...]) -> list[Stratum]:
    """List every combination of the strata's choices that their conditions allow.

    Without names there is one empty stratum.
    """
    found: list[Stratum] = []
    for values in itertools.product(*(space[n].choices for n in names)):
        every = dict(zip(names, values, strict=True))
        stratum = {n: v for n, v in every.items() if is_active(space[n], every)}
        # Combinations that differ only in a dimension that does not exist there are one stratum.
        if stratum not in found:
            found.append(stratum)
    return found


def space_as_json(space: Mapping[str, Any]) -> dict[str, Any]:
    """Return the space as plain JSON, in which spaces are stored and compared."""
    return {name: _dimension_json(dimension) for name, dimension in space.items()}


def dimension_text(told: Mapping[str, Any]) -> str:
    """Write a dimension of `space_as_json` in words.

    >>> dimension_text({"kind": "real", "low": 0.001, "high": 0.1, "log": True})
    '0.001 to 0.1 (log)'
    """
    if "choices" in told:
        words = ", ".join(map(str, told["choices"]))
    else:
        words = f"{told['low']} to {told['high']}{' (log)' if told.get('log') else ''}"
    when = (f"{name} is {' or '.join(map(str, c))}" for name, c in told.get("when", {}).items())
    return f"{words}{''.join(f', when {one}' for one in when)}"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StoredDimension:
    """A dimension as a ledger has it; those that its kind lacks are None."""

    kind: Literal["real", "integer", "categorical"]
    low: float | None = None
    high: float | None = None
    log: bool | None = None
    choices: tuple[Any, ...] | None = None
    when: Mapping[str, tuple[Any, ...]] | None = None


def space_from_json(stored: Mapping[str, Any]) -> dict[str, StoredDimension]:
    """Read what `space_as_json` wrote."""
    return {name: _stored_dimension(dict(told)) for name, told in stored.items()}


def _stored_dimension(told: dict[str, Any]) -> StoredDimension:
    when = {name: tuple(values) for name, values in told.pop("when", {}).items()}
    if "choices" in told:
        told["choices"] = tuple(told["choices"])
    return StoredDimension(**told, when=when or None)


def _dimension_json(dimension: Any) -> dict[str, Any]:
    wanted = ("kind", "low", "high", "log", "choices")
    out = {k: v for k in wanted if (v := getattr(dimension, k, None)) is not None}
    out = {key: list(v) if isinstance(v, tuple) else v for key, v in out.items()}
    when = {parent: list(values) for parent, values in conditions(dimension).items()}
    return {**out, "when": when} if when else out
