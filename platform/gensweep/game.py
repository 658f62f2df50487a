"""The protocols that a model satisfies: a differentiable game, written for one trial.

Shapes: B batch, Z latent. A model satisfies these protocols structurally; it imports torch alone.
`gensweep.game_capabilities` has what a game may offer besides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, get_args

if TYPE_CHECKING:
    from torch import Tensor, nn

Tensors: TypeAlias = "Mapping[str, Tensor]"
Number = float | int
Scalar = str | Number
"""A hyperparameter: the name of a per-lane value, or a constant."""
Schedule: TypeAlias = "Callable[[Tensor], Tensor]"
"""Maps progress in [0, 1], elementwise, to the factor of the learning rate there, from 0 on."""
Updated: TypeAlias = "tuple[Tensor, dict[str, Tensor]]"
UpdateStep: TypeAlias = "Callable[[Tensor, Tensor, Tensors, Tensors], Updated]"
"""One step of an optimiser: `step(params, grad, state, scalars)` to new params and moments."""


Order = Literal["in_turn", "at_once", "extragradient"]
ORDERS: tuple[Order, ...] = get_args(Order)
"""How players that act at the same tick are updated: each knows the steps of those before it; all
by gradients at the same weights; or by gradients at the weights that such a step would lead to."""


class Net(Protocol):
    """A player's network with the weights of one trial, as a loss sees it: a pure function.

    Submodules, methods, parameters and buffers are its attributes: `nets["ae"].decoder(z)`,
    `nets["ae"].last.weight`.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the module."""

    def __getattr__(self, name: str) -> Any:
        """Return a part of the module, bound to the same weights."""

    @property
    def parameters(self) -> Mapping[str, Tensor]:
        """Parameters by name, differentiable in the player's own turn."""

    def at(self, parameters: Tensors) -> Net:
        """Return the same network with some parameters replaced."""

    @property
    def still(self) -> Net:
        """The same network whose calls leave buffers as they are, as `torch.func.grad` needs."""

    @property
    def averaged(self) -> Net:
        """The same network with the moving average of its weights."""


Nets = Mapping[str, Net]
"""Players' networks by name."""


class DataShape(Protocol):
    """The data set as a game sees it.

    Where data have classes it also has `class_names` and `class_shares`, and `columns`: dtype,
    shape and levels (the largest value of a pixel or token) of every other column, by name.
    """

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
        """The owner, an example or the lane; "example" where there is no such attribute.

        "example": the leading size is the batch, or the number of samples, and ranks and batches of
        samples get their part of it. "lane": never cut, the same on all ranks and for all samples.
        """

    @property
    def latent(self) -> str | None:
        """Name of the latent size that the last dimension is; None, or no such attribute: none.

        Packs pad it, unless it is `fixed`; pictures show samples along it. Beyond a lane's own size
        normal numbers are 0 and uniform ones 0.5, so that a game needs no mask; its own size is
        `hyper[name]`, that of its tensors `hyper["padded_" + name]`, which is `config.name` too.
        """


class Optimizer(Protocol):
    """An update rule for L lanes of P parameters, each lane with scalars of its own.

    Rows are lanes and must not mix. `step` writes nothing in place and has no choice that depends
    on a tensor's value, for it is traced. There `params`, `grad` and moments are [L, P]; scalars
    and `state["steps"]`, the number of steps so far, are [L, 1], or [L, P] where parameters differ.
    """

    @property
    def name(self) -> str:
        """Name in errors."""

    @property
    def moments(self) -> tuple[str, ...]:
        """Names in `state` of the tensors [L, P] that it remembers, at first zero."""

    @property
    def reads(self) -> tuple[str, ...]:
        """The player's hyperparameters that it reads, from `learning_rate` to `eps`."""

    @property
    def step(self) -> UpdateStep:
        """New parameters, and the new moments by name."""


class Player(Protocol):
    """One network, how it learns, and its number of turns in a round.

    A hyperparameter of the optimiser is a constant, or the name of a field of the configuration,
    whose value may then differ from lane to lane. Only those that the optimiser reads need exist.
    """

    @property
    def build(self) -> Callable[[], nn.Module]:
        """Constructor of the network, with fresh weights from the generator of torch."""

    @property
    def optimizer(self) -> str | Optimizer:
        """The update: one's own, or sgd, rmsprop, adam, adamw, adamax (as in `torch.optim`, with
        its defaults for what is not named here), lion, optimistic_sgd or optimistic_adam."""

    @property
    def learning_rate(self) -> Scalar:
        """Step size per turn, above 0."""

    @property
    def beta1(self) -> Scalar:
        """Decay of the mean of gradients per turn, in [0, 1); not of sgd and rmsprop."""

    @property
    def beta2(self) -> Scalar:
        """Decay of the mean of squared gradients per turn, in [0, 1); not of sgd and rmsprop."""

    @property
    def momentum(self) -> Scalar:
        """Share of a step that the next one keeps, in (-1, 1), 0: none; sgd and rmsprop only."""

    @property
    def weight_decay(self) -> Scalar:
        """L2 penalty on weights, from 0, which is none; decoupled for adamw and lion."""

    @property
    def eps(self) -> Scalar:
        """Number, from 0, that is added where a step divides by the size of gradients."""

    @property
    def schedule(self) -> str | Schedule:
        """The factor of the learning rate over the player's budget: constant, linear or cosine
        (to zero at its end), warmup_linear, warmup_cosine, or a function of progress."""

    @property
    def max_grad_norm(self) -> Scalar | None:
        """Norm, above 0, to which a larger gradient of the whole player is scaled; None: none."""

    @property
    def weight_bound(self) -> Scalar | None:
        """The bound, above 0, to which each turn clamps every weight; None: unbounded."""

    @property
    def decays(self) -> Callable[[str], bool] | None:
        """Choice, by name, of the parameters that weight decay acts on; None: all."""

    @property
    def steps_per_parameter(self) -> bool:
        """Let each parameter count its own steps, from its first gradient that is not all zero.

        Until then it stays as it is. For networks parts of which begin late: by the player's count
        Adam would make their first step up to (1 - beta1) / sqrt(1 - beta2) times too large.
        """

    @property
    def frozen(self) -> bool:
        """True for a player that never learns: no turn, no moments, no average, evaluation mode."""

    @property
    def weights(self) -> str | None:
        """Path of a safetensors file of the network's state dict to begin with; None: fresh."""

    @property
    def copy_of(self) -> str | None:
        """Another player, whose initial weights this one begins with, in a network like it."""

    @property
    def turns(self) -> str | int:
        """Updates in a round, a whole number from 1, or the name of a hyperparameter of such."""

    @property
    def penalty_every(self) -> str | int | None:
        """In every how many of its turns the player pays the game's `penalty`, from the first on.

        A whole number from 1, or the name of a hyperparameter of such; None: never.
        """

    @property
    def ema(self) -> Scalar | None:
        """Decay per turn, in [0, 1), of the average weights that samples use; None: no average."""

    @property
    def average_buffers(self) -> bool:
        """True: running statistics and other buffers of numbers are averaged with the weights.

        Otherwise samples use those of the last turn, which belong to other weights.
        """

    @property
    def standing_batches(self) -> int:
        """Batches of samples, from 0, over which running statistics are measured for samples.

        Samples and every other optional method then use, in the place of those of training, means
        over so many batches drawn with the weights that they use: BigGAN's standing statistics
        (arXiv:1809.11096). Of layers with `running_mean` and `momentum`, as BatchNorm is; at
        each value of sampling anew; not with `average_buffers`, nor where samples take steps.
        """

    @property
    def begins(self) -> Scalar:
        """Part of the budget, in [0, 1), after which the player learns; its rounds begin then."""

    @property
    def ends(self) -> Scalar:
        """Part of the budget, in (0, 1], after which the player learns no more.

        Players that never learn at the same time see each other in evaluation mode.
        """


class Game(Protocol):
    """A differentiable game between players (one for a VAE or a flow, two for a GAN).

    A round has as many ticks as the player with the most turns; a player acts on the last
    `turns` of them, and within a tick the players act in the order of `players`, or as the optional
    `order: Order` says. A player's buffers (running statistics, power iterations, codebooks) change
    in its own turns alone.
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
        """Return the scalar that `player` minimises, and scalar metrics by names of its own.

        Pure, for it is traced once and replayed for many trials: no randomness but `noise`, no
        choice that depends on a tensor's value, no write into what it is given. `hyper` has the
        lane's scalars, `spent`, the fraction of its budget that is gone, and `progress`, that of
        the player's own part of it.
        """

    def sample_noise(self, count: int) -> Mapping[str, Noise]:
        """Return the noise, by name, that `count` samples need."""

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Draw samples `[count, *shape]`, float32, none of which depends on another.

        Images are in [-1, 1].

        Sampling hyperparameters act here: real numbers are in `hyper`, others (a number of steps,
        the name of a sampler) in the configuration that the game was built from.
        """


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
