"""What the engine asks of a model: a differentiable game, written for one trial.

Shapes: B batch, Z latent. A model satisfies these protocols structurally; it imports torch alone.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol

from torch import Tensor, nn

Nets = Mapping[str, Callable[..., Any]]
Tensors = Mapping[str, Tensor]
Number = float | int
Scalar = str | Number
"""A hyperparameter: the name of a per-lane value, or a constant."""


class DataShape(Protocol):
    """What a game may know of the data: `shape` of one example, `classes` (0: none), `count`."""

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
    """One network, its optimiser, and its number of turns in a round."""

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
        """Player to name to the noise that one `loss` of that player needs."""

    def loss(
        self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What `player` minimises, a scalar, and scalar metrics. Pure."""

    def sample_noise(self, count: int) -> Mapping[str, Noise]: ...

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples `[count, *shape]`; images are in [-1, 1]. Truncation acts here."""


class Model(Protocol):
    """An entry of a catalogue."""

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


def capabilities(game: object) -> tuple[str, ...]:
    """The optional methods that `game`, a class or an object, offers to evaluators."""
    return tuple(name for name in CAPABILITIES if hasattr(game, name))
