"""Every picture of a trained trial, in one table: what it shows, and which models offer it.

The command line, the report and whoever draws them read it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gensweep.game import DataShape, Game, Noise
from gensweep.game_capabilities import capabilities
from gensweep.sampling_fields import SamplingField, sampling_fields


@dataclass(frozen=True, slots=True)
class Subject:
    """A game, built unpadded of a configuration for data, of which pictures may be drawn."""

    game: Game
    data: DataShape
    config: Any

    @property
    def latents(self) -> dict[str, Noise]:
        """The noise of samples, by name, that is a latent of each."""
        return latents(self.game)

    @property
    def is_image(self) -> bool:
        """True if examples are images."""
        return is_image(self.data)

    @property
    def is_point(self) -> bool:
        """True if examples are points in the plane."""
        return tuple(self.data.shape) == (2,)

    @property
    def given(self) -> tuple[str, ...]:
        """The columns that samples are conditioned on."""
        return tuple(getattr(self.game, "given", ()))


Offer = Callable[[Subject], bool]


def latents(game: Game) -> dict[str, Noise]:
    """Return the noise of samples, by name, that is a latent of each."""
    return {
        name: one
        for name, one in game.sample_noise(1).items()
        if getattr(one, "latent", None) is not None and getattr(one, "per", "example") == "example"
    }


def is_image(data: DataShape) -> bool:
    """Return whether examples are images, `(channels, height, width)`."""
    return len(data.shape) == 3


def is_classified(data: DataShape) -> bool:
    """Return whether examples are images of two classes or more, which a classifier tells apart."""
    shares = getattr(data, "class_shares", ()) or [1.0] * data.classes
    return is_image(data) and sum(share > 0 for share in shares) > 1


def sampling_grids(config: Any) -> list[SamplingField]:
    """List the sampling hyperparameters along whose values fidelity is measured."""
    return [field for field in sampling_fields(config) if field.grid]


def _has_latent(of: Subject) -> bool:
    return bool(of.latents) and (of.is_image or of.is_point)


def _has_two_numbers(of: Subject) -> bool:
    return _has_latent(of) and [tuple(z.shape) for z in of.latents.values()] == [(1, 2)]


def _has_free_classes(of: Subject) -> bool:
    return bool(is_classified(of.data) and not of.given) and _has_latent(of)


def _is_of_class(of: Subject) -> bool:
    return bool(is_classified(of.data) and of.given) and "x" not in of.given


def _has_codes(of: Subject) -> bool:
    return bool(of.latents) and "encode" in capabilities(of.game)


def _can(capability: str) -> Offer:
    return lambda of: of.is_image and capability in capabilities(of.game)


def _shrinks(of: Subject) -> bool:
    return _can("shrink")(of) and _can("reconstruct")(of)


@dataclass(frozen=True, slots=True)
class Picture:
    """A kind of picture."""

    shows: str
    """What it shows, in words."""

    needs: str
    """What a model that does not offer it lacks."""

    is_offered: Offer
    """Whether there is one of a game with its data and configuration."""

    count: int = 16
    """The number of examples, or of samples, in a report, and where nobody asks for another."""


PICTURES = {
    "reconstructions": Picture(
        "a row of held-out examples, then a row of what it makes of them",
        "`reconstruct` of images that it does not `shrink`",
        lambda of: _can("reconstruct")(of) and not _shrinks(of),
    ),
    "enlarged": Picture(
        "a row of held-out examples made small, a row of what it makes of these, a row of the "
        "examples", "`shrink` and `reconstruct` of images", _shrinks,
    ),
    "interpolations": Picture(
        "in each row from one held-out example to another",
        "`interpolate` of images", _can("interpolate"),
    ),
    "denoised": Picture(
        "a row of held-out examples, a row of them with noise, a row of what it makes of these",
        "`denoise` of images", _can("denoise"),
    ),
    "inpainted": Picture(
        "a row of held-out examples, a row of their known pixels, a row of them filled in",
        "`inpaint` of images", _can("inpaint"),
    ),
    "scatter": Picture(
        "codes of held-out examples in a plane, a colour of each class and its number at their "
        "mean; where a code has more than two numbers, their first two principal components",
        "`encode` to a latent", _has_codes, 500,
    ),
    "walks": Picture(
        "samples on ways from one latent to another, by spherical interpolation",
        "latent noise", _has_latent, 32,
    ),
    "turns": Picture(
        "samples at latents cos(t) z + sin(t) z', t from 0 to 2 pi", "latent noise",
        _has_latent, 32,
    ),
    "traversals": Picture(
        "in each row samples as one number of the latent goes from -3 to 3, the others the same",
        "`encode` of images to one latent",
        lambda of: of.is_image and _has_codes(of) and len(of.latents) == 1, 64,
    ),
    "manifold": Picture(
        "samples at the quantiles of both latent numbers, evenly from 0 to 1",
        "one latent of size 2", _has_two_numbers, 144,
    ),
    "arithmetic": Picture(
        "in three rows samples of classes a, b and c, each row's last at the mean of its latents; "
        "then a sample at a - b + c of these means, and others around it",
        "latent noise of images with classes that are not given", _has_free_classes,
    ),
    "landscape": Picture(
        "the critic's values over the plane, lighter where higher, with even contours, examples "
        "(green) and samples (blue)", "`critic_values` of points in the plane",
        lambda of: of.is_point and "critic_values" in capabilities(of.game), 500,
    ),
    "classes": Picture(
        "in each row samples of one class, in each column of the same noise",
        "the class, given to samples that are images",
        lambda of: of.is_image and "y" in of.given, 80,
    ),
    "sampling": Picture(
        "in each row samples at one value of a sampling hyperparameter, in each column of the same "
        "noise", "a sampling hyperparameter with a grid",
        lambda of: of.is_image and bool(sampling_grids(of.config)), 32,
    ),
    "reranked": Picture(
        "in each row samples of one class or text: the likeliest of that class, by the platform's "
        "classifier, of so many candidates", "a class or a text, given to samples that are images",
        _is_of_class, 64,
    ),
    "steps": Picture(
        "in each row a sample on its way through the steps of its sampler",
        "a sampler of many steps",
        lambda of: of.is_image and hasattr(of.game, "sample_step"), 32,
    ),
    "mixing": Picture(
        "the samples at the top with styles of those on the left in one group of layers, some rows "
        "for each group", "`styles` of images", _can("styles"), 56,
    ),
    "attention": Picture(
        "in each row a sample with places marked in colours, then where each of them looks, white "
        "where most", "`attention`", _can("attention"), 8,
    ),
    "growth": Picture(
        "in each column a sample as the trained network draws it, stage by stage of its growth",
        "`growth`", _can("growth"), 8,
    ),
    "neighbours": Picture(
        "a row of samples, then below each the training example that is nearest to it in the "
        "features of the data's own network", "samples that are images",
        lambda of: of.is_image,
    ),
}  # fmt: skip
"""Each kind of picture, by the name that `gensweep sample --what` knows it by."""


def offered_pictures(game: Game, data: DataShape, config: Any) -> list[str]:
    """List the kinds of pictures of a game that was built unpadded, of `config` for `data`."""
    of = Subject(game, data, config)
    return [kind for kind, picture in PICTURES.items() if picture.is_offered(of)]
