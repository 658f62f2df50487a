"""A player's network as a loss sees it: a function of one lane's parameters, its parts by name."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import Tensor, nn
from torch.func import functional_call

from gensweep.errors import UserError
from gensweep.lanes._precision import cast
from gensweep.precision import Precision

Named = Mapping[str, Tensor]


class NoPartError(UserError, AttributeError):
    """A network is asked for a part that it does not have."""


class Net:
    """Binds a module, or a part of one, to one lane's parameters and buffers.

    Calling it calls the module. Submodules (`net.decoder(z)`, `net.layers[0]`), methods, parameters
    and buffers (`net.last.weight`) are its attributes, all of this lane and of this trace.
    `average` are parameters to take in place of the player's own, None: it keeps none.
    """

    def __init__(
        self, player: str, module: nn.Module, parameters: Named, buffers: Named, *,
        average: Named | None = None, precision: Precision = "fp32", keeps_buffers: bool = True,
    ):  # fmt: skip
        self._player, self._module = player, module
        self._parameters, self._buffers, self._average = parameters, buffers, average
        self._precision: Precision = precision
        self._keeps_buffers = keeps_buffers

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(self._module, "", args, kwargs)

    @property
    def parameters(self) -> dict[str, Tensor]:
        """Parameters by their names in this module; differentiable in the player's own turn."""
        return dict(self._parameters)

    def at(self, parameters: Named) -> Net:
        """Return the same network with some parameters replaced, for a step that is looked ahead.

        `UserError` if it has no parameter of that name.
        """
        if unknown := sorted(set(parameters) - set(self._parameters)):
            some = ", ".join(list(self._parameters)[:8])
            raise UserError(
                f"player {self._player!r} has no parameter {unknown[0]!r}: it has {some}."
            )
        return self._with(parameters={**self._parameters, **parameters})

    @property
    def still(self) -> Net:
        """The same network whose calls leave no trace in buffers, as `torch.func.grad` demands.

        Running statistics and power iterations are read and go on within a call, but are not kept.
        """
        return self._with(keeps_buffers=False)

    @property
    def averaged(self) -> Net:
        """The same network with the moving average of its weights; not differentiable.

        `UserError` if the player keeps none.
        """
        if self._average is None:
            raise UserError(
                f"player {self._player!r} keeps no average of its weights: give its Player an ema."
            )
        return self._with(parameters=self._average)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._parameters:
            return self._parameters[name]
        if name in self._buffers:
            return self._buffers[name]
        if not hasattr(self._module, name):
            parts = ", ".join([*self._module._modules, *self._parameters][:8]) or "none"
            raise NoPartError(f"player {self._player!r} has no part {name!r}: it has {parts}.")
        found = getattr(self._module, name)
        if isinstance(found, nn.Module):
            return self._part(name, found)
        if callable(found) and getattr(found, "__self__", None) is self._module:
            return self._method(name)
        return found

    def __getitem__(self, index: int | str) -> Net:
        names = list(self._module._modules)
        name = index if isinstance(index, str) else names[index]
        part = self._module.get_submodule(name)
        return self._part(name, part)

    def __iter__(self) -> Iterator[Net]:
        return (self[name] for name in self._module._modules)

    def __len__(self) -> int:
        return len(self._module._modules)

    def _part(self, name: str, module: nn.Module) -> Net:
        average = None if self._average is None else _below(self._average, name)
        return self._with(
            module=module, parameters=_below(self._parameters, name),
            buffers=_below(self._buffers, name), average=average,
        )  # fmt: skip

    def _method(self, name: str) -> Callable[..., Any]:
        """Bind a method of the module, but none that torch's own class has: they know no lanes."""
        if hasattr(nn.Module, name) and name != "forward":
            raise UserError(
                f"player {self._player!r}: .{name} acts on no lane's weights: leave it out: the "
                "engine sets modes, and parameters have names."
            )
        caller = _Method(self._module, name)
        return lambda *args, **kwargs: self._call(caller, "module.", args, kwargs)

    def _call(
        self, module: nn.Module, prefix: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        buffers = self._buffers
        if not self._keeps_buffers:
            # Cloned within the call: `torch.func.grad` lets nothing older than itself be changed.
            buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        state = {prefix + name: one for name, one in {**self._parameters, **buffers}.items()}

        def call(*args: Any, **kwargs: Any) -> Any:
            return functional_call(module, state, args, kwargs)

        return cast(call, self._precision)(*args, **kwargs)

    def _with(self, **changes: Any) -> Net:
        other = copy.copy(self)
        for name, value in changes.items():
            setattr(other, f"_{name}", value)
        return other


class _Method(nn.Module):
    """Calls a method of a module as a forward pass, the only one for which torch swaps state."""

    def __init__(self, module: nn.Module, name: str):
        super().__init__()
        self.module, self._name = module, name

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return getattr(self.module, self._name)(*args, **kwargs)


def _below(named: Named, part: str) -> dict[str, Tensor]:
    """Take what belongs to the submodule `part`, by its names there."""
    prefix = f"{part}."
    return {n.removeprefix(prefix): one for n, one in named.items() if n.startswith(prefix)}
