"""Sampling hyperparameters, as a configuration states them; no other part knows one by its name.

A field of the scope `sampling` is no part of training. Its metadata may say what it means (`doc`),
at which value the model is as it was trained (`neutral`), and along which values fidelity is
measured against variety (`grid`, even as logarithms if `log`).
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gensweep.space import with_scope


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplingField:
    """A sampling hyperparameter of a model."""

    name: str
    default: Any
    doc: str = ""
    """Its meaning in words; empty: the name must do."""

    neutral: Any = None
    """The value at which trials are judged; None: each is judged at its own."""

    grid: tuple[float, ...] = ()
    """The values of its fidelity-variety curve; empty: it has none."""

    log: bool = False
    """Whether the values of the grid are even as logarithms."""

    @property
    def is_real(self) -> bool:
        """True if `sample` reads it from `hyper`, and not from the game's configuration.

        Whole numbers and names, of steps or of a sampler, shape the computation: as the values of
        tensors they could not.
        """
        return isinstance(self.default, float)

    @property
    def title(self) -> str:
        """Name it for a figure: its meaning in words and its name, or its name alone."""
        return f"{self.doc} ({self.name})" if self.doc else self.name


def sampling_fields(config: Any) -> tuple[SamplingField, ...]:
    """List the sampling hyperparameters of a configuration, or of its class, in their order."""
    stated = ("doc", "neutral", "grid", "log")
    return tuple(
        SamplingField(
            name=f.name, default=f.default, **{n: f.metadata[n] for n in stated if n in f.metadata}
        )
        for f in dataclasses.fields(config)
        if f.metadata.get("scope") == "sampling"
    )


def neutral_values(fields: Iterable[SamplingField]) -> dict[str, Any]:
    """The value of each field at which trials are judged, by name, of those that have one."""
    return {field.name: field.neutral for field in fields if field.neutral is not None}


def real_values(config: Any) -> dict[str, float]:
    """The sampling hyperparameters of a trial that `sample` reads from `hyper`."""
    values = with_scope(config, "sampling")
    return {f.name: float(values[f.name]) for f in sampling_fields(config) if f.is_real}


def choices(config: Any, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The sampling hyperparameters that a game reads from its configuration, with `changes`."""
    values = with_scope(config, "sampling") | dict(changes or {})
    return {f.name: values[f.name] for f in sampling_fields(config) if not f.is_real}
