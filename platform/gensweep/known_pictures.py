"""Every picture of a trained trial, in one table: what it shows, and which models offer it.

The command line, the report and whoever draws them read it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from gensweep.game import DataShape, Game, Noise, capabilities

Offer = Callable[[Game, DataShape], bool]


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


def _has_latent(game: Game, data: DataShape) -> bool:
    return bool(latents(game)) and (is_image(data) or tuple(data.shape) == (2,))


def _has_two_numbers(game: Game, data: DataShape) -> bool:
    return _has_latent(game, data) and [tuple(z.shape) for z in latents(game).values()] == [(1, 2)]


def _has_free_classes(game: Game, data: DataShape) -> bool:
    free = is_image(data) and data.classes and not getattr(game, "given", ())
    return bool(free) and _has_latent(game, data)


def _has_codes(game: Game, data: DataShape) -> bool:
    return bool(latents(game)) and "encode" in capabilities(game)


def _can(capability: str) -> Offer:
    return lambda game, data: is_image(data) and capability in capabilities(game)


@dataclass(frozen=True, slots=True)
class Picture:
    """A kind of picture."""

    shows: str
    """What it shows, in words."""

    needs: str
    """What a model that does not offer it lacks."""

    is_offered: Offer
    """Whether there is one of a game and its data."""

    count: int = 16
    """The number of examples, or of samples, in a report."""


PICTURES = {
    "reconstructions": Picture(
        "a row of held-out examples, then a row of what it makes of them",
        "`reconstruct` of images", _can("reconstruct"),
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
    "manifold": Picture(
        "samples at the quantiles of both latent numbers, evenly from 0 to 1",
        "one latent of size 2", _has_two_numbers, 144,
    ),
    "arithmetic": Picture(
        "in three rows samples of classes a, b and c, each row's last at the mean of its latents; "
        "then a sample at a - b + c of these means, and others around it",
        "latent noise of images with classes that are not given", _has_free_classes,
    ),
}  # fmt: skip
"""Each kind of picture, by the name that `gensweep sample --what` knows it by."""


def offered_pictures(game: Game, data: DataShape) -> list[str]:
    """List the kinds of pictures that there are of a game, built unpadded for `data`."""
    return [kind for kind, picture in PICTURES.items() if picture.is_offered(game, data)]
