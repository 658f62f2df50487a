"""The vocabulary of a game: players, noise, catalogue entries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor, nn

from gensweep_models.measured import MeasuredRow, measured_of
from gensweep_models.space import Dimension

Tensors = Mapping[str, Tensor]
Loss = tuple[Tensor, dict[str, Tensor]]
Scalar = str | float | int
Schedule = Callable[[Tensor], Tensor]
NoiseKind = Literal["normal", "uniform", "key"]
OptimizerName = Literal[
    "sgd", "rmsprop", "adam", "adamw", "adamax", "lion", "optimistic_sgd", "optimistic_adam"
]
UpdateStep = Callable[[Tensor, Tensor, Tensors, Tensors], tuple[Tensor, dict[str, Tensor]]]


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
    """The part of a data set's description that a game may know.

    Where data have them it also has `class_names`, `class_shares` and `columns`, as
    `gensweep.game.DataShape` says.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def classes(self) -> int: ...
    @property
    def count(self) -> int: ...


@dataclass(frozen=True)
class Noise:
    """Random numbers of one evaluation: of each example, its leading size the batch, or of all.

    A "key" is an int64 from which `gensweep_models.random` makes any number of others. `latent`
    names the field, `fixed` ones too, whose size the last dimension has: there it is zero (uniform
    numbers are 0.5) beyond a lane's own, and pictures show samples along it.
    """

    shape: tuple[int, ...]
    kind: NoiseKind = "normal"
    per: Literal["example", "lane"] = "example"
    latent: str | None = None


@dataclass(frozen=True)
class Optimizer:
    """An update rule of one's own: `step(params, grad, state, scalars)` to params and moments.

    It steps all lanes at once, each a row that must not mix with others: `params`, `grad` and the
    `moments`, at first zero, are [L, P]; `state["steps"]` and the scalars that it `reads` of the
    player, such as learning_rate, are [L, 1], or [L, P] where parameters differ.

    >>> def step(params, grad, state, scalars):
    ...     return params - scalars["learning_rate"] * grad.sign(), {}
    >>> Optimizer("sign", moments=(), reads=("learning_rate",), step=step).name
    'sign'
    """

    name: str
    moments: tuple[str, ...]
    reads: tuple[str, ...]
    step: UpdateStep


@dataclass(frozen=True)
class Player:
    """A network, how it learns, its turns and its part of the budget.

    A string names a per-lane value. What each field does stands in `gensweep.game.Player`.
    """

    build: Callable[[], nn.Module]
    optimizer: OptimizerName | Optimizer = "adam"
    learning_rate: Scalar = "learning_rate"
    beta1: Scalar = "beta1"
    beta2: Scalar = "beta2"
    momentum: Scalar = 0.0
    weight_decay: Scalar = 0.0
    eps: Scalar = 1e-8
    schedule: str | Schedule = "constant"
    max_grad_norm: Scalar | None = None
    weight_bound: Scalar | None = None
    decays: Callable[[str], bool] | None = None
    steps_per_parameter: bool = False
    frozen: bool = False
    weights: str | None = None
    copy_of: str | None = None
    turns: str | int = 1
    penalty_every: str | int | None = None
    ema: Scalar | None = None
    average_buffers: bool = False
    standing_batches: int = 0
    begins: Scalar = 0.0
    ends: Scalar = 1.0


@dataclass(frozen=True)
class Preset:
    """Settings at which an entry gets good on a data set in minutes, and its budget in images."""

    images: int = 300_000
    settings: Mapping[str, Any] = field(default_factory=dict)
    short: int = 75_000
    """A budget of some seconds."""
    reached: float | None = None
    """The `metric` of `short`, with margin; None: not known, or of a distance no better by half.

    In 10 steps of sampling where `settings` state more.
    """
    metric: Literal["frechet", "nll"] = "frechet"

    def fixed(self, space: Mapping[str, Dimension]) -> dict[str, Any]:
        """Return the settings but for what a sweep of that space searches.

        >>> Preset(settings={"hidden": 64, "beta1": 0.0}).fixed({"beta1": None})
        {'hidden': 64}
        """
        return {name: value for name, value in self.settings.items() if name not in space}


Evidence = Literal["read", "quoted", "recalled"]
"""How a figure is known: from its paper or its authors' code, from another source that quotes it,
or from memory, not looked up."""


@dataclass(frozen=True, kw_only=True)
class PublishedFigure:
    """A likelihood that a paper tells of a system, with what it takes to compare ours with it."""

    data: str
    """The data set."""
    metric: str
    """The name of the metric among the platform's: nll or bits_per_dim."""
    value: float
    of: str
    """What it is a density of: comparable where a game's `log_prob_of` is the same."""
    protocol: str
    """How it was measured, in words."""
    budget: str
    """How long it was trained, in words; empty: not told."""
    source: str
    """The paper, and where in it."""
    evidence: Evidence


@dataclass(frozen=True)
class Model:
    """An entry of the catalogue."""

    name: str
    family: str
    paper: str
    config: type[Any]
    game: Callable[[Any, DataShape], Any]
    space: Mapping[str, Dimension]
    presets: Mapping[str, Preset] = field(default_factory=dict)
    """By data set: settings to start from."""
    published: tuple[PublishedFigure, ...] = ()
    """Figures of papers to compare with."""

    @property
    def measured(self) -> tuple[MeasuredRow, ...]:
        """Rows of the benchmarks' tables beside the catalogue that are of it."""
        return measured_of(self.name)
