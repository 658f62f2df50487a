"""Refuses what a function of one trial may not do, in one line that names it and the cure.

Several lanes are computed under `vmap`, which refuses most of it in words of its own. One lane
alone would accept it, and be another trial than among others.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gensweep.errors import UserError

RANDOM = (
    "draws random numbers by `{op}`: declare them as Noise, or make them, dropout's too, of a "
    "noise of kind 'key' (gensweep_models.random)"
)
BACKWARD = "calls `{op}`: take torch.func.grad, which keeps lanes apart"
VALUE = (
    "shows Python the value of a tensor by `{op}`: choose by torch.where, and keep sizes that no "
    "value decides"
)
_BY_VMAP = {"random operation": RANDOM, ".item()": VALUE, "data-dependent": VALUE,
            "dynamic shape": VALUE, "requires_grad_": BACKWARD}  # fmt: skip
"""A part of what vmap says, to what it says it of."""
_AUTOGRAD = (torch.autograd.grad, Tensor.backward, Tensor.requires_grad_, Tensor.retain_grad)
_SWITCHES = ("dropout_p", "train", "training", "dropout")
"""Arguments by which an operation that may draw numbers draws none, if they are zero or false."""


class Purity:
    """Watches the first call of each function of a game; what is forbidden is a `UserError`."""

    def __init__(self, game: object):
        self._game = type(game).__name__
        self._passed: set[str] = set()

    @contextmanager
    def watch(self, method: str, player: str | None = None) -> Iterator[None]:
        """Watch what is called within, unless the same passed before: then it costs nothing."""
        what = f"{self._game}.{method}" + (f" of player {player!r}" if player else "")
        if what in self._passed:
            yield
            return
        with watched(what):
            yield
        self._passed.add(what)


@contextmanager
def watched(what: str) -> Iterator[None]:
    """Refuse what is forbidden within; `UserError` begins with `what`."""
    with _Called(what) as called, _Dispatched(what, called):
        yield


class _Called(TorchFunctionMode):
    """Sees what a game calls, by the names that it calls it by; above vmap."""

    def __init__(self, what: str):
        super().__init__()
        self.what, self.name = what, ""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        self.name = getattr(func, "__name__", str(func))
        if func in _AUTOGRAD and not _is_transform():
            raise UserError(f"{self.what} {BACKWARD.format(op=self.name)}.")
        try:
            return func(*args, **(kwargs or {}))
        except RuntimeError as error:
            for part, law in _BY_VMAP.items():
                if part in str(error) and "vmap" in str(error):
                    raise UserError(f"{self.what} {law.format(op=self.name)}.") from error
            raise


class _Dispatched(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees what torch computes, which says whether it is random; below vmap."""

    def __init__(self, what: str, called: _Called):
        super().__init__()  # type: ignore[no-untyped-call]
        self._what, self._called = what, called

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        given = _arguments(func, args, kwargs or {})
        name = self._called.name or str(func)
        if torch.Tag.nondeterministic_seeded in func.tags:
            if all(given[switch] for switch in _SWITCHES if switch in given):
                raise UserError(f"{self._what} {RANDOM.format(op=name)}.")
        elif _shows_value(func, given) and name != "one_hot":  # which only checks its input
            raise UserError(f"{self._what} {VALUE.format(op=name)}.")
        return func(*args, **(kwargs or {}))


def _arguments(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return all arguments of an operation by name, defaults too."""
    declared = func._schema.arguments
    given = dict(zip((one.name for one in declared), args, strict=False))
    return {one.name: one.default_value for one in declared} | given | kwargs


def _shows_value(func: Any, given: dict[str, Any]) -> bool:
    if torch.Tag.data_dependent_output in func.tags:
        return True
    if torch.Tag.dynamic_output_shape not in func.tags:
        return False
    # An index of integers has a shape that is known, a mask has none.
    indices = given.get("indices", ())
    return not indices or any(i is not None and i.dtype == torch.bool for i in indices)


def _is_transform() -> bool:
    """Return whether it is torch.func itself that calls what a game may not."""
    frame = sys._getframe(2)
    while frame and str(frame.f_globals.get("__name__")).startswith("torch."):
        if frame.f_globals["__name__"].startswith("torch._functorch"):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False
