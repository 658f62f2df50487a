"""Fields of a configuration: the scope in which each may differ between trials, and its bounds.

A configuration is a frozen dataclass of such fields, a `BaseConfig` if it has what every model
here has. Bounds are checked when an object is made.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True, kw_only=True, slots=True)
... class TinyConfig(BaseConfig):
...     hidden: int = fixed(16, "units", at_least=1)
>>> TinyConfig(hidden=0)
Traceback (most recent call last):
ValueError: `1 <= hidden` must hold, but got hidden=0.
"""

from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from operator import ge, gt, le, lt
from typing import Any, ClassVar, Literal, TypedDict, Unpack

from gensweep_models.meanings import MEANINGS

Scope = Literal["lane", "latent", "sampling", "fixed"]
Number = float | int
HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "above": gt,
    "at_least": ge,
    "below": lt,
    "at_most": le,
}
LAWS = {"above": "{} < ", "at_least": "{} <= ", "below": " < {}", "at_most": " <= {}",
        "choices": " in {}"}  # fmt: skip
"""Each bound as mathematics writes it beside the name: `0 <= beta1 < 1`."""


class Bounds(TypedDict, total=False):
    """The values that a field may have; one without bounds may have any."""

    above: Number
    at_least: Number
    below: Number
    at_most: Number
    choices: tuple[object, ...]


def _field(scope: Scope, default: Any, doc: str, bounds: Bounds, **more: object) -> Any:
    told = {"scope": scope, "doc": doc, "bounds": bounds, **more}
    return field(default=default, metadata=told)


def lane(default: Number, doc: str = "", **bounds: Unpack[Bounds]) -> Any:
    """A scalar that reaches the loss as `hyper[name]` and may differ between lanes."""
    return _field("lane", default, doc, bounds)


def latent(default: int, doc: str = "", **bounds: Unpack[Bounds]) -> Any:
    """The latent size: networks are padded to the pack's largest, and noise is blank there."""
    return _field("latent", default, doc, bounds)


def sampling(
    default: Any,
    doc: str = "",
    *,
    neutral: Any = None,
    grid: tuple[Number, ...] = (),
    log: bool = False,
    **bounds: Unpack[Bounds],
) -> Any:
    """A value that only sampling sees, of which training is independent.

    A float reaches `sample` as `hyper[name]`. A whole number or a name (of steps, of a sampler)
    is read from the game's configuration; lanes that differ in it share a pack all the same.

    `neutral` is the value that shows the model as it was trained: by its samples a trial is
    judged. None: there is no such value, and each trial is judged at its own. Along `grid`
    fidelity is measured against variety; `log` says that its values are even as logarithms. `doc`
    is the field's meaning in words, which figures have as their title.
    """
    return _field("sampling", default, doc, bounds, neutral=neutral, grid=grid, log=log)


def fixed(default: Any, doc: str = "", **bounds: Unpack[Bounds]) -> Any:
    """Part of a pack's signature: equal in all its lanes."""
    return _field("fixed", default, doc, bounds)


def check(holds: bool, law: str, **values: object) -> None:
    """Raise ValueError naming `law` and the values, unless it holds.

    >>> check(0 < -1, "0 < beta", beta=-1)
    Traceback (most recent call last):
    ValueError: `0 < beta` must hold, but got beta=-1.
    """
    if not holds:
        got = ", ".join(f"{name}={value!r}" for name, value in values.items())
        raise ValueError(f"`{law}` must hold, but got {got}.")


def check_bounds(config: Any) -> None:
    """Raise ValueError for the first field of `config` whose value is out of its bounds."""
    for one in fields(config):
        if bounds := one.metadata.get("bounds"):
            value = getattr(config, one.name)
            check(_within(value, bounds), _law(one, bounds), **{one.name: value})


def _within(value: Any, bounds: Bounds) -> bool:
    """Return whether a value lies in its bounds; what is no number lies in none of a number."""
    if "choices" in bounds:
        return value in bounds["choices"]
    return isinstance(value, int | float) and all(
        HOLDS[bound](value, end) for bound, end in bounds.items()
    )


def _law(of: "Field[Any]", bounds: Bounds) -> str:
    said = {bound: LAWS[bound].format(end) for bound, end in bounds.items()}
    low, high = said.get("above", said.get("at_least", "")), said.get("below", said.get("at_most"))
    return f"{low}{of.name}{high or said.get('choices', '')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class BaseConfig:
    """Settings that every model has; a model redeclares those whose default or scope differs.

    `check_relations` is for laws between fields, which no bound of one can tell. `meanings` says
    what a field is whose declaration does not.
    """

    meanings: ClassVar[Mapping[str, str]] = MEANINGS
    learning_rate: float = lane(1e-3, above=0)
    beta1: float = lane(0.9, at_least=0, below=1)
    beta2: float = lane(0.999, at_least=0, below=1)
    batch_size: int = fixed(128, at_least=1)
    ema: float = fixed(0.999, "decay of the averaged weights of samples", at_least=0, below=1)

    def __post_init__(self) -> None:
        check_bounds(self)
        self.check_relations()

    def check_relations(self) -> None:
        """Raise ValueError if values that are each within bounds do not go together."""
