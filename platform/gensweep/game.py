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
    """The data set as a game sees it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of one example: `(channels, height, width)` of an image, `(2,)` of a point."""

    @property
    def classes(self) -> int:
        """Number of classes, which batches then have as `y`; 0 if examples have none."""

    @property
    def count(self) -> int:
        """Number of training examples, from 1."""


class Noise(Protocol):
    """Random numbers that one evaluation needs, functions of the lane's seed and progress."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes of what is drawn."""

    @property
    def kind(self) -> Literal["normal", "uniform", "key"]:
        """Distribution of each number: standard normal, uniform in [0, 1), or a key.

        Keys are int64 numbers, from which a game makes others where it needs them: for dropout, for
        every step of a long sampler. They take no memory until then.
        """

    @property
    def per(self) -> Literal["example", "lane"]:
        """Whose it is; "example" where there is no such attribute.

        "example": the leading size is the batch, or the number of samples, and ranks and batches of
        samples get their part of it. "lane": never cut, the same on all ranks and for all samples.
        """


class Player(Protocol):
    """One network, its optimiser, and its number of turns in a round.

    A hyperparameter of the optimiser is a constant, or the name of a field of the configuration,
    whose value may then differ from lane to lane.
    """

    @property
    def build(self) -> Callable[[], nn.Module]:
        """Constructor of the network, with fresh weights from the generator of torch."""

    @property
    def optimizer(self) -> Literal["sgd", "rmsprop", "adam", "adamw"]:
        """Name of the update, as in `torch.optim`, with its defaults for what is not named here."""

    @property
    def learning_rate(self) -> Scalar:
        """Step size per turn, above 0."""

    @property
    def beta1(self) -> Scalar:
        """Decay of the mean of gradients per turn, in [0, 1); adam and adamw only."""

    @property
    def beta2(self) -> Scalar:
        """Decay of the mean of squared gradients per turn, in [0, 1); adam and adamw only."""

    @property
    def momentum(self) -> Scalar:
        """Share of a step that the next one keeps, in [0, 1), 0: none; sgd and rmsprop only."""

    @property
    def weight_decay(self) -> Scalar:
        """L2 penalty on weights, from 0, which is none; decoupled from the gradient for adamw."""

    @property
    def turns(self) -> str | int:
        """Updates in a round, a whole number from 1, or the name of a hyperparameter of such."""

    @property
    def clip(self) -> str | None:
        """Name of the bound, above 0, to which each turn clips weights; None: unbounded."""

    @property
    def ema(self) -> Scalar | None:
        """Decay per turn, in [0, 1), of the average weights that samples use; None: no average."""

    @property
    def decay(self) -> bool:
        """Linear fall of the learning rate to zero over the trial's budget, if true."""


class Game(Protocol):
    """A differentiable game between players (one for a VAE or a flow, two for a GAN).

    A round has as many ticks as the player with the most turns; a player acts on the last
    `turns` of them, and within a tick the players act in the order of `players`.
    """

    @property
    def players(self) -> Mapping[str, Player]:
        """Players by name, at least one, in the order in which they act."""

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


class SampledInSteps(Protocol):
    """A game whose samples take many like steps: the engine takes them in the place of `sample`.

    One step is traced once and replayed. Noise is that of `sample_noise`, the same in every step;
    what must differ is made from a key and the number of the step.
    """

    @property
    def sample_steps(self) -> int:
        """Number of steps, from 1."""

    def sample_noise(self, count: int) -> Mapping[str, Noise]:
        """Return the noise, by name, that `count` samples need, of all steps together."""

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Any:
        """Return what the first step begins from: a tensor, or a tree of tensors."""

    def sample_step(
        self, nets: Nets, state: Any, step: Tensor, noise: Tensors, hyper: Tensors
    ) -> Any:
        """Return what follows on `state`, in its shapes; `step` is an int64 scalar, from 0."""

    def sample_end(self, nets: Nets, state: Any, hyper: Tensors) -> Tensor:
        """Make samples `[count, *shape]` of what the last step left."""


class Model(Protocol):
    """An entry of a catalogue: builds a configuration's game, and says what can be searched."""

    @property
    def name(self) -> str:
        """Name in the catalogue and on the command line."""

    @property
    def family(self) -> str:
        """Kind of model, for lists: adversarial, variational, flow."""

    @property
    def paper(self) -> str:
        """Source of the model: `arXiv:1406.2661`."""

    @property
    def config(self) -> type[Any]:
        """Frozen dataclass of all hyperparameters with defaults (see `gensweep.space`)."""

    @property
    def game(self) -> Callable[[Any, DataShape], Game]:
        """Builder of the game of a configuration, for data of a shape."""

    @property
    def space(self) -> Mapping[str, Any]:
        """Default search space: hyperparameter to its dimension."""


CAPABILITIES = ("log_prob", "encode", "reconstruct", "invert", "interpolate")
"""Optional methods of a game, which evaluators use where there are some."""


def capabilities(game: object) -> tuple[str, ...]:
    """List the optional methods that `game`, a class or an object, offers to evaluators."""
    return tuple(name for name in CAPABILITIES if hasattr(game, name))
