"""Runs the laws of a model, and words what breaks one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gensweep.errors import UserError
from gensweep.frames import with_user_line
from gensweep.game import Model
from gensweep.testing._capability_laws import capabilities_are_sound
from gensweep.testing._case import Case
from gensweep.testing._padding_law import padding_is_exact
from gensweep.testing._random_examples import RandomExamples
from gensweep.testing._sampling_laws import samples_are_examples
from gensweep.testing._training_laws import (
    lane_is_alone,
    loss_is_pure,
    loss_is_sound,
    state_is_whole,
)

Law = Callable[[Case], None]

LAWS: dict[str, Law] = {
    "loss": loss_is_sound,
    "purity": loss_is_pure,
    "lanes": lane_is_alone,
    "padding": padding_is_exact,
    "checkpoint": state_is_whole,
    "samples": samples_are_examples,
    "capabilities": capabilities_are_sound,
}
"""Name to a law, in the order in which they are checked; its docstring says it in words."""
QUICK = ("loss", "padding", "samples", "capabilities")
"""The laws that take no training, a fraction of a second for small networks."""


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that a model breaks, and how."""

    law: str
    message: str
    error: BaseException


def check_model(
    model: Model, shape: tuple[int, ...] = (1, 8, 8), classes: int = 3, **values: Any
) -> None:
    """Raise `UserError` for the first law that `model` breaks on examples of a shape.

    `values` are settings of its configuration; small networks make the check quick.
    """
    data = RandomExamples(shape, classes)
    for violation in find_violations(model, data, values):
        raise UserError(violation.message) from violation.error


def check_game(model: Model, data: Any, values: Mapping[str, Any]) -> None:
    """Raise `UserError` for the first of the `QUICK` laws that a stratum of a sweep breaks.

    `data` tells the shape of the examples; random ones stand in for them.
    """
    for violation in find_violations(model, RandomExamples.like(data), values, QUICK):
        raise UserError(violation.message) from violation.error


def find_violations(
    model: Model, data: RandomExamples, values: Mapping[str, Any], laws: Sequence[str] = tuple(LAWS)
) -> Iterator[Violation]:
    """Check laws one after the other, and yield those that `model` breaks.

    `UserError` if it refuses the settings or the data.
    """
    case = Case.of(model, data, values)
    case.game  # noqa: B018 (builds it)
    for name in laws:
        try:
            LAWS[name](case)
        except UserError as error:
            said = str(error).removeprefix(f"{model.name}: ")
            yield Violation(name, f"{model.name}: {said}", error)
        except Exception as error:
            text = f"{model.name} breaks the law of {name}: {with_user_line(error)}"
            yield Violation(name, text, error)
