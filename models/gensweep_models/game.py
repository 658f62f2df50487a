"""The vocabulary of a game: players, noise, catalogue entries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from gensweep_models.space import Dimension

Tensors = Mapping[str, Tensor]
Loss = tuple[Tensor, dict[str, Tensor]]
Scalar = str | float | int
Optimizer = Literal["sgd", "rmsprop", "adam", "adamw"]


class Net(Protocol):
    """A player's network with one trial's weights. Its parts are its attributes."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...
    @property
    def parameters(self) -> Tensors: ...
    def at(self, parameters: Tensors) -> "Net": ...
    @property
    def still(self) -> "Net": ...
    @property
    def averaged(self) -> "Net": ...


Nets = Mapping[str, Net]


class DataShape(Protocol):
    """The part of a data set's description that a game may know."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def classes(self) -> int: ...
    @property
    def count(self) -> int: ...


@dataclass(frozen=True)
class Noise:
    """Random numbers of one evaluation; the leading dimension is the batch."""

    shape: tuple[int, ...]
    kind: Literal["normal", "uniform"] = "normal"


@dataclass(frozen=True)
class Player:
    """A network, its optimiser, turns and part of the budget. A string names a lane's value."""

    build: Callable[[], nn.Module]
    optimizer: Optimizer = "adam"
    learning_rate: Scalar = "learning_rate"
    beta1: Scalar = "beta1"
    beta2: Scalar = "beta2"
    momentum: Scalar = 0.0
    weight_decay: Scalar = 0.0
    turns: str | int = 1
    clip: str | None = None
    ema: Scalar | None = None
    decay: bool = False
    begins: Scalar = 0.0
    ends: Scalar = 1.0


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue."""

    name: str
    family: str
    paper: str
    config: type[Any]
    game: Callable[[Any, DataShape], Any]
    space: Mapping[str, Dimension]
