"""Fields of a configuration, each with the scope in which it may differ between trials."""

from dataclasses import field
from typing import Any, Literal

Scope = Literal["lane", "latent", "sampling", "fixed"]


def _field(scope: Scope, default: Any, doc: str) -> Any:
    return field(default=default, metadata={"scope": scope, "doc": doc})


def lane(default: Any, doc: str = "") -> Any:
    """A scalar that reaches the loss as `hyper[name]` and may differ between lanes."""
    return _field("lane", default, doc)


def latent(default: Any, doc: str = "") -> Any:
    """The latent size: networks are padded to the pack's largest, z is masked."""
    return _field("latent", default, doc)


def sampling(default: Any, doc: str = "") -> Any:
    """A scalar that only sampling sees."""
    return _field("sampling", default, doc)


def fixed(default: Any, doc: str = "") -> Any:
    """Part of a pack's signature: equal in all its lanes."""
    return _field("fixed", default, doc)


def check(holds: bool, law: str, **values: object) -> None:
    """Raise ValueError naming `law` and the values, unless it holds.

    >>> check(0 < -1, "0 < beta", beta=-1)
    Traceback (most recent call last):
    ValueError: `0 < beta` must hold, but got beta=-1.
    """
    if not holds:
        got = ", ".join(f"{name}={value!r}" for name, value in values.items())
        raise ValueError(f"`{law}` must hold, but got {got}.")
