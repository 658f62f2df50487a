"""Abilities that a game may have beside those of `gensweep.game.Game`, and how to find them out.

Shapes: B batch, S fractions, N layers or examples. A game offers one by having its methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from gensweep.game import Nets, Noise, Tensors

if TYPE_CHECKING:
    from torch import Tensor


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


SAMPLE_METHODS = ("styles", "attention", "growth")
CAPABILITIES = ("log_prob", "scores", "encode", "reconstruct", "shrink", "invert", "interpolate",
                "denoise", "inpaint", "critic_values", *SAMPLE_METHODS)  # fmt: skip
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

`SAMPLE_METHODS` are called with the noise of so many samples in the place of examples: `styles` (of
a `Styled` game), `attention` (to weights [B, H, W, h, w] that each place of H x W maps gives to
those of h x w maps, with the sum 1), and `growth` (to images [B, stages, *shape] as the network
draws them at each stage of its growth, at last those of `sample`)."""
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

    Of `interpolate` it is that of its codes, of `SAMPLE_METHODS` that of samples.
    """
    if name in SAMPLE_METHODS:
        return "sample_noise"
    if name == "interpolate":
        return "encode_noise" if "encode" in capabilities(game) else "invert_noise"
    return f"{name}_noise"
