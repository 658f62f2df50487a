"""Turns what somebody wants samples of, a class or a caption, into tensors that a game is given."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.lanes import draw_classes

LABEL, EXAMPLES = "y", "x"


def given_values(
    names: Sequence[str],
    data: Any,
    values: Mapping[str, Any],
    count: int,
    seed: int,
    examples: Mapping[str, Tensor] | None = None,
) -> dict[str, Tensor] | None:
    """Make the conditions `[count, ...]` of so many samples; None if there are none.

    `values` has a class by its name or number, numbers of a column's shape, or text for a column of
    text; one for all samples, or a list of one for each. What is not given is that of `examples`,
    in their order; without these, classes are drawn by their shares in `data`, and for every other
    column that is missing there is a `UserError`, as for what cannot be.
    """
    found = {}
    for name in names:
        if name not in values and examples is not None:
            found[name] = examples[name][torch.arange(count) % len(examples[name])]
        elif name == LABEL:
            found[name] = _labels(data, values.get(name), count, seed)
        elif name in values:
            found[name] = _column(name, _about(data, name), values[name], count)
        else:
            raise UserError(f"samples are conditioned on {name!r}: give it.")
    return found or None


def _labels(data: Any, value: Any, count: int, seed: int) -> Tensor:
    if value is None:
        return draw_classes(data, count, seed)
    each = list(value) if isinstance(value, list | tuple) else [value] * count
    if len(each) != count:
        raise UserError(f"{LABEL} has {len(each)} classes for {count} samples: give one, or each.")
    return torch.tensor([_label(data, one) for one in each])


def _label(data: Any, value: Any) -> int:
    names = list(data.class_names) or [str(i) for i in range(data.classes)]
    if value in names:
        return names.index(value)
    number = int(value) if isinstance(value, int | float) and value == int(value) else -1
    if not 0 <= number < data.classes:
        known = ", ".join(names[:10]) if names else f"0 to {data.classes - 1}"
        raise UserError(f"{LABEL}={value!r} is no class: choose from {known}.")
    return number


def _about(data: Any, name: str) -> Mapping[str, Any]:
    """Describe a column; that of the examples themselves, "x", is no other column of the data."""
    if name == EXAMPLES:
        return {"dtype": "float32", "shape": tuple(data.shape)}
    about: Mapping[str, Any] = data.columns[name]
    return about


def _column(name: str, column: Mapping[str, Any], value: Any, count: int) -> Tensor:
    """One value for all samples, or one for each, as a column `[count, *shape]`."""
    shape, dtype = tuple(column["shape"]), column["dtype"]
    kind = torch.int64 if dtype == "int64" else torch.float32
    given = torch.as_tensor(_numbers(name, value, shape), dtype=kind)
    if tuple(given.shape) == shape:
        return given.expand(count, *shape)
    if tuple(given.shape) != (count, *shape):
        raise UserError(
            f"{name} has shape {list(given.shape)}: give {list(shape)} for all samples, or "
            f"{[count, *shape]}."
        )
    return given


def _numbers(name: str, value: Any, shape: tuple[int, ...]) -> Any:
    """Return texts, wherever they are in a value, as their bytes, filled up with 0."""
    if isinstance(value, list | tuple):
        return [_numbers(name, one, shape) for one in value]
    if not isinstance(value, str):
        return value
    if len(shape) != 1:
        raise UserError(f"{name}={value!r} is text, but {name} has shape {list(shape)}: give that.")
    found = list(value.encode())[: shape[0]]
    return found + [0] * (shape[0] - len(found))
