"""The vocabulary of a game: players, noise, catalogue entries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from gensweep_models.space import Dimension

Nets = Mapping[str, Callable[..., Any]]
Tensors = Mapping[str, Tensor]
Loss = tuple[Tensor, dict[str, Tensor]]
Scalar = str | float | int
Optimizer = Literal["sgd", "rmsprop", "adam", "adamw"]


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
    """Random numbers of one evaluation: of each example, its leading size the batch, or of all.

    A "key" is an int64 from which `gensweep_models.random` makes any number of others.
    """

    shape: tuple[int, ...]
    kind: Literal["normal", "uniform", "key"] = "normal"
    per: Literal["example", "lane"] = "example"


@dataclass(frozen=True)
class Player:
    """A network, its optimiser and its turns. A string names a per-lane value."""

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


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue."""

    name: str
    family: str
    paper: str
    config: type[Any]
    game: Callable[[Any, DataShape], Any]
    space: Mapping[str, Dimension]
