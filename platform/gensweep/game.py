"""The protocols that a model satisfies: a differentiable game, written for one trial.

Shapes: B batch, Z latent. A model satisfies these protocols structurally; it imports torch alone.
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


class Penalised(Protocol):
    """A game with a penalty that is costly, and not due in every turn: lazy regularisation.

    In every k-th turn of a player, by its `penalty_every`, the gradient of k times its penalty is
    added to that of its loss (StyleGAN2, arXiv:1912.04958, appendix B). There the learning rate of
    Adam is also multiplied by c = k / (k + 1), and its betas are raised to the power of c: that is
    left to the `Player`. At k = 1 the penalty is a part of the loss.
    """

    def penalty(
        self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the penalty of `player`, a scalar, and scalar metrics by other names.

        As pure as `loss`, and of the same batch and noise. It is recorded as `PLAYER_penalty`, not
        multiplied by k.
        """


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


class Conditioned(Protocol):
    """A game whose samples depend on columns of the data: a class, a caption, a small image.

    `sample` and every other optional method get them as their last argument, `[count, ...]` by
    name. Evaluations take them from held-out examples, a registered model from its row.
    """

    @property
    def given(self) -> tuple[str, ...]:
        """Names of the columns; "y" is the class, "x" an example, of which a game may show its
        networks a part: an image made small, or with a hole."""


class Scored(Protocol):
    """A game that scores single examples; a trial's metrics are the means over held-out ones."""

    @property
    def score_names(self) -> tuple[str, ...]:
        """Names of the scores, which no loss and no metric of samples has.

        `gensweep.known_metrics` says which end of each is better.
        """

    def scores_noise(self, batch: int) -> Mapping[str, Noise]:
        """Return the noise, by name, that the scores of so many examples need."""

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> Mapping[str, Tensor]:
        """Return each score of each example alone, [B] by name, finite."""


class Judged(Scored, Protocol):
    """A game whose trials its scores judge, because its samples do not tell how training went."""

    @property
    def verdict_bounds(self) -> Mapping[str, tuple[float, float]]:
        """Score to its largest value of a converged trial and its smallest of a diverged one."""


class Collapsible(Scored, Protocol):
    """A game some of whose scores tell a collapse, which its samples alone need not show."""

    @property
    def collapse_bounds(self) -> Mapping[str, float]:
        """Score to its least value of a trial that has not collapsed."""


class Summarised(Scored, Protocol):
    """A game that also measures held-out examples together: what varies, what is in use."""

    @property
    def trait_names(self) -> tuple[str, ...]:
        """Names of the traits, [B, ...] each, that `scores` returns beside the scores."""

    @property
    def summary_names(self) -> tuple[str, ...]:
        """Names of the summaries, each a metric as a score is."""

    def summarise(self, traits: Tensors) -> Mapping[str, Tensor]:
        """Return each summary, a scalar by name, of the traits [N, ...] of all N examples."""


class Styled(Protocol):
    """A game whose samples are made with a style for each of N layers, as StyleGAN's are."""

    @property
    def style_groups(self) -> Mapping[str, range]:
        """The layers of each group (coarse, middle, fine) by its name; all N in their order."""

    def styles(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Return the styles [B, N, W] of samples, each of its own noise."""

    def synthesise(self, nets: Nets, styles: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Draw images [B, *shape] with styles; with those of samples, the samples."""


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


OF_SAMPLES = ("styles", "attention", "growth")
CAPABILITIES = ("log_prob", "scores", "encode", "reconstruct", "shrink", "invert", "interpolate",
                "denoise", "inpaint", "critic_values", *OF_SAMPLES)  # fmt: skip
"""Optional methods of a game, each with the noise that `NAME_noise(batch)` declares, if any.

Evaluations call `log_prob` (nats [B]) and `scores`; the report and `gensweep sample` call
`reconstruct` (examples), `shrink` (to the smaller images [B, C, h, w] that samples are made of),
`interpolate` (x, end, fractions [S] to [S, B, ...]), `encode`, or `invert` where there is no
encoder (codes [B, ...]), `denoise` (examples with normal noise of standard deviation `denoise_std`,
if the game has that, or else `NOISY`, to clean ones), `inpaint` (images that are 0 where the mask
[B, 1, H, W] is, then the mask, which is 1 where pixels are known: to whole images, in which these
are as they were), and `critic_values` (examples to the critic's raw outputs [B]; the larger, the
more like data). What an example gets, it gets in any batch. A game that has no such method under
its settings has None in its place.

`OF_SAMPLES` are called with the noise of so many samples in the place of examples: `styles` (of a
`Styled` game), `attention` (to weights [B, H, W, h, w] that each place of H x W maps gives to those
of h x w maps, with the sum 1), and `growth` (to images [B, stages, *shape] as the network draws
them at each stage of its growth, at last those of `sample`)."""
NOISY = 0.5


def capabilities(game: object) -> tuple[str, ...]:
    """List the optional methods that `game`, a class or an object, offers to evaluators."""
    return tuple(name for name in CAPABILITIES if getattr(game, name, None) is not None)


def capability_noise(
    game: object, name: str, batch: int, samples: int | None = None
) -> Mapping[str, Noise]:
    """Return the noise that a capability needs of so many examples; empty if it declares none.

    `samples` are the importance samples of `log_prob`.
    """
    declared = getattr(game, noise_method(game, name), None)
    if declared is None:
        return {}
    found: Mapping[str, Noise] = declared(batch, samples) if name == "log_prob" else declared(batch)
    return found


def noise_method(game: object, name: str) -> str:
    """Name the method that declares a capability's noise.

    Of `interpolate` it is that of its codes, of `OF_SAMPLES` that of samples.
    """
    if name in OF_SAMPLES:
        return "sample_noise"
    if name == "interpolate":
        return "encode_noise" if "encode" in capabilities(game) else "invert_noise"
    return f"{name}_noise"
