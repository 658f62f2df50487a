"""`gensweep check`: whether a model keeps the laws that packs rely on."""

import argparse
import ast
from dataclasses import replace
from typing import Any

from gensweep.cli._find_model import NAMES, find_model

SHAPES = ((2,), (1, 8, 8), (1, 28, 28), (3, 32, 32))
"""Points and the images of the known data sets; those that a model refuses are left out."""

SAMPLES = 1000
"""Of an evaluation, unless a sweep asks for another number."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "check", help="whether a model keeps the laws that packs rely on",
        description="Train a model for a few steps on random examples, alone and in packs, stored "
        "and padded, call all that it offers, and tell what memory its samples take. Exit status 1 "
        "if it breaks a law.",
    )  # fmt: skip
    parser.add_argument("model", metavar="MODEL", help=NAMES)
    parser.add_argument("--shape", type=shape_of, metavar="C,H,W",
                        help="of the examples: 2 for points, 1,28,28 for images "
                        "(default: points, or else small images)")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE",
                        dest="settings", help="a hyperparameter, for instance a small size; "
                        "may be given several times")  # fmt: skip
    parser.set_defaults(run=run)


def shape_of(text: str) -> tuple[int, ...]:
    """Read a shape.

    >>> shape_of("1,28,28")
    (1, 28, 28)
    """
    sides = tuple(int(part) for part in text.split(","))
    if len(sides) not in (1, 3) or min(sides) < 1:
        raise ValueError(text)
    return sides


def setting(text: str) -> tuple[str, Any]:
    """Read a hyperparameter's value; what is no number or truth value is a name.

    >>> setting("hidden=16"), setting("objective=hinge")
    (('hidden', 16), ('objective', 'hinge'))
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise ValueError(text)
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


def run(args: argparse.Namespace) -> int:
    # First: torch, which imports it from C, would drop a Ctrl-C and go on with a part of it, and
    # the laws that need the rest would seem broken.
    import numpy  # noqa: F401

    model, values = find_model(args.model), dict(args.settings)
    from gensweep.testing import LAWS, Case, find_violations, measure_sampling

    data = _examples(model, args.shape, values)
    print(f"{model.name} on examples of shape {', '.join(map(str, data.shape))}")
    broken = {
        violation.law: violation.message for violation in find_violations(model, data, values)
    }
    for name, law in LAWS.items():
        print(f"  {'broken' if name in broken else 'kept  '}  {name:13}{law.__doc__}")
    for message in dict.fromkeys(broken.values()):
        print(message)
    if "samples" not in broken:
        print(measure_sampling(Case.of(model, data, values), SAMPLES))
    return 1 if broken else 0


def _examples(model: Any, shape: tuple[int, ...] | None, values: dict[str, Any]) -> Any:
    """Return random examples of the shape, or of the first that the model takes."""
    from gensweep.errors import UserError
    from gensweep.frames import refusal
    from gensweep.testing import RandomExamples

    data = RandomExamples()
    _check_names(model, values)
    try:
        config = model.config(**values)
    except (TypeError, ValueError) as error:
        raise UserError(f"{model.name}: {error}") from error
    refused = []
    for one in [shape] if shape else SHAPES:
        try:
            model.game(config, replace(data, shape=one))
            return replace(data, shape=one)
        except Exception as error:  # of a model of somebody's own
            refused.append(refusal(error))
    raise UserError(f"{model.name}: {refused[0]}")


def _check_names(model: Any, values: dict[str, Any]) -> None:
    """Raise `UserError` for a setting that is no hyperparameter, or not of its kind."""
    from gensweep.errors import UserError
    from gensweep.space import check_value, scopes

    known = scopes(model.config)
    for name, value in values.items():
        if name not in known:
            raise UserError(f"{model.name} has no hyperparameter {name!r}: "
                            f"choose from {', '.join(known)}.")  # fmt: skip
        check_value(model.config, name, value)
