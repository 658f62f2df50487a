"""The protocols that a model satisfies: a differentiable game, written for one trial.

Shapes: B batch, Z latent. A model satisfies these protocols structurally; it imports torch alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from torch import Tensor, nn

Nets = Mapping[str, Callable[..., Any]]
"""Players' networks by name, each a pure function of its inputs."""
Tensors: TypeAlias = "Mapping[str, Tensor]"
Number = float | int
Scalar = str | Number
"""A hyperparameter: the name of a per-lane value, or a constant."""


class DataShape(Protocol):
    """The data set as a game sees it: `shape` of one example, `classes` (0: none), `count`."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def classes(self) -> int: ...
    @property
    def count(self) -> int: ...


class Noise(Protocol):
    """Random numbers that one evaluation needs, drawn by the lane's own generator."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def kind(self) -> Literal["normal", "uniform"]: ...


class Player(Protocol):
    """One network, its optimiser, and its number of turns in a round.

    A hyperparameter of the optimiser is a constant, or the name of a field of the configuration,
    whose value may then differ from lane to lane. `clip` bounds weights, `ema` averages them.
    """

    @property
    def build(self) -> Callable[[], nn.Module]: ...
    @property
    def optimizer(self) -> Literal["sgd", "rmsprop", "adam", "adamw"]: ...
    @property
    def learning_rate(self) -> Scalar: ...
    @property
    def beta1(self) -> Scalar: ...
    @property
    def beta2(self) -> Scalar: ...
    @property
    def momentum(self) -> Scalar: ...
    @property
    def weight_decay(self) -> Scalar: ...
    @property
    def turns(self) -> str | int: ...
    @property
    def clip(self) -> str | None: ...
    @property
    def ema(self) -> Scalar | None: ...
    @property
    def decay(self) -> bool:
        """Whether the learning rate falls linearly to zero over the trial's budget."""


class Game(Protocol):
    """A differentiable game between players (one for a VAE or a flow, two for a GAN).

    A round has as many ticks as the player with the most turns; a player acts on the last
    `turns` of them, and within a tick the players act in the order of `players`.
    """

    @property
    def players(self) -> Mapping[str, Player]: ...
    @property
    def noise(self) -> Mapping[str, Mapping[str, Noise]]:
        """The noise that one `loss` of a player needs, by player and name."""

    def loss(
        self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the scalar that `player` minimises, and scalar metrics by name.

        Pure, for it is traced once and replayed for many trials: no randomness but `noise`, no
        choice that depends on a tensor's value. `hyper` has the lane's scalars and `progress`, the
        fraction of its budget that is spent.
        """

    def sample_noise(self, count: int) -> Mapping[str, Noise]:
        """Return the noise, by name, that `count` samples need."""

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Draw samples `[count, *shape]`; images are in [-1, 1]. Truncation acts here."""


class Model(Protocol):
    """An entry of a catalogue: builds the game of a configuration, and says what can be searched.

    `config` is a frozen dataclass (see `gensweep.space`), `space` its default search space, `paper`
    the source.
    """

    @property
    def name(self) -> str: ...
    @property
    def family(self) -> str: ...
    @property
    def paper(self) -> str: ...
    @property
    def config(self) -> type[Any]: ...
    @property
    def game(self) -> Callable[[Any, DataShape], Game]: ...
    @property
    def space(self) -> Mapping[str, Any]: ...


CAPABILITIES = ("log_prob", "encode", "reconstruct", "invert", "interpolate")
"""Optional methods of a game, which evaluators use where there are some."""


def capabilities(game: object) -> tuple[str, ...]:
    """List the optional methods that `game`, a class or an object, offers to evaluators."""
    return tuple(name for name in CAPABILITIES if hasattr(game, name))
