"""Finds state that a game keeps in Python: a trace is replayed without it."""

import sys
from collections.abc import Callable, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from gensweep.errors import UserError
from gensweep.lanes import Pack

_PLAIN = (int, float, complex, str, bytes, bool, type(None))
_CODE = (type, ModuleType, FunctionType, MethodType, BuiltinFunctionType)
_OF_MODULES = frozenset(vars(nn.Module()))
"""What torch keeps in every module."""
_LIBRARIES = frozenset({"builtins", "torch", *sys.stdlib_module_names})
"""Whose classes keep nothing for a game."""


class _Version:
    """A tensor as it was; held and not copied, for a data set may be large."""

    def __init__(self, tensor: Tensor):
        self.tensor, self._count = tensor, tensor._version

    def is_still(self, other: object) -> bool:
        """Return whether `other` is the same tensor, which nobody wrote to in between."""
        if not isinstance(other, _Version) or other.tensor is not self.tensor:
            return False
        return other._count == self._count


def check_repeatable(
    game: object, what: str, call: Callable[[], Any], nets: Mapping[str, nn.Module] | None = None
) -> Any:
    """Call `call` twice and return what the second returned.

    `UserError`, which names `what`, if an attribute of `game`, of its class or of a module of
    `nets` changes from one call to the next, or if results of the same inputs differ. The first
    call may still fill what is computed once.
    """
    first = call()
    before = attributes(game, nets or {})
    second = call()
    after = attributes(game, nets or {})
    owner = f"{type(game).__name__}.{what}"
    if changed := sorted(n for n in before.keys() | after if not _same(before, after, n)):
        name = changed[0]
        change = f"from {_told(before.get(name))} to {_told(after.get(name))}"
        raise UserError(
            f"{owner} changes {name} {change}: calls are replayed without Python, so count by "
            "hyper['progress'], or in a buffer of a network."
        )
    if not alike(first, second):
        raise UserError(
            f"{owner} returns other numbers when it is called again with the same inputs: let all "
            "that varies come from its arguments."
        )
    return second


def attributes(game: object, nets: Mapping[str, nn.Module]) -> dict[str, Any]:
    """List what `game` and `nets` hold, by dotted name: plain values, tensors' versions."""
    found: dict[str, Any] = {}
    seen: set[int] = set()
    for name, root in {"self": game, **{f"nets[{n!r}]": net for n, net in nets.items()}}.items():
        seen.add(id(root))
        for part, inner in _parts(root).items():
            _walk(inner, f"{name}.{part}", found, seen)
    return found


def modules_of(pack: Pack) -> dict[str, nn.Module]:
    """Return the networks of the pack's players, by name."""
    return {name: stack.module for name, stack in pack.stacks.items()}


def _walk(value: Any, name: str, found: dict[str, Any], seen: set[int]) -> None:
    """Add what `value` holds to `found`; objects that were `seen` are not looked into again."""
    if isinstance(value, _PLAIN):
        found[name] = value
    elif isinstance(value, Tensor):
        found[name] = _Version(value)
    elif id(value) not in seen and not isinstance(value, _CODE):
        seen.add(id(value))
        parts = _parts(value)
        found[name] = f"{type(value).__name__} of {len(parts)}"
        for part, inner in parts.items():
            _walk(inner, f"{name}.{part}", found, seen)


def _parts(value: Any) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list | tuple):
        return dict(enumerate(value))
    if isinstance(value, set | frozenset):
        return {repr(one): None for one in value}
    slots = {n for kind in type(value).__mro__ for n in getattr(kind, "__slots__", ())}
    held = {n: getattr(value, n) for n in slots if hasattr(value, n)}
    held |= _of_class(type(value)) | getattr(value, "__dict__", {})
    if isinstance(value, nn.Module):
        own = {n: one for n, one in held.items() if n not in _OF_MODULES}
        return {**own, **value._parameters, **value._buffers, **value._modules}
    return held


def _of_class(kind: type) -> dict[str, Any]:
    """Return the values that a class keeps for all its objects; methods are none."""
    own = [
        one for one in reversed(kind.__mro__) if str(one.__module__).split(".")[0] not in _LIBRARIES
    ]
    return {
        name: value
        for one in own
        for name, value in vars(one).items()
        if not name.startswith("__") and not hasattr(type(value), "__get__")
    }


def _same(before: Mapping[str, Any], after: Mapping[str, Any], name: str) -> bool:
    if name not in before or name not in after:
        return False
    old, new = before[name], after[name]
    return old.is_still(new) if isinstance(old, _Version) else _alike_leaves(old, new)


def _told(value: Any) -> str:
    if isinstance(value, _Version):
        return f"a tensor {tuple(value.tensor.shape)}"
    return repr(value)[:60]


def alike(one: Any, other: Any) -> bool:
    """Compare trees of tensors and plain values to the last bit; NaN is like NaN."""
    mine, yours = pytree.tree_leaves(one), pytree.tree_leaves(other)
    return len(mine) == len(yours) and all(map(_alike_leaves, mine, yours))


def _alike_leaves(one: Any, other: Any) -> bool:
    if not (isinstance(one, Tensor) and isinstance(other, Tensor)):
        return bool(one == other or (one != one and other != other))  # noqa: PLR0124
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    same = torch.isclose(one, other, rtol=0, atol=0, equal_nan=True)
    return bool(same.all())
