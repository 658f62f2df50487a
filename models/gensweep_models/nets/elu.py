"""Encoders and decoders with ELU, of BEGAN (arXiv:1703.10717, section 3.5.1).

B batch. `layers` are the hidden layers of a perceptron, or the convolutions at each side of maps.
"""

from itertools import pairwise
from math import prod

from torch import nn

SMALLEST = 7
"""Maps are not halved to fewer pixels a side; those of the paper end at 8."""


def sides_of(side: int) -> list[int]:
    """Return the sides of maps up to that of images.

    >>> sides_of(8), sides_of(28), sides_of(64)
    ([8], [7, 14, 28], [8, 16, 32, 64])
    """
    sides = [side]
    while sides[0] % 2 == 0 and sides[0] >= 2 * SMALLEST:
        sides.insert(0, sides[0] // 2)
    return sides


def perceptron(inputs: int, outputs: int, hidden: int, layers: int) -> nn.Module:
    """Make a network of [B, inputs] to [B, outputs]."""
    body: list[nn.Module] = []
    for size, following in pairwise([inputs, *[hidden] * layers]):
        body += [nn.Linear(size, following), nn.ELU()]
    return _initialised(*body, nn.Linear(hidden if layers else inputs, outputs))


def decoder(codes: int, shape: tuple[int, ...], hidden: int, layers: int) -> nn.Module:
    """Make a network of codes [B, codes] to images [B, *shape], without bounds.

    Each size of maps is doubled by repeating pixels, and all have `hidden` channels.
    """
    sides = sides_of(shape[-1])
    body: list[nn.Module] = [
        nn.Linear(codes, hidden * sides[0] ** 2),
        nn.Unflatten(1, (hidden, sides[0], sides[0])),
    ]
    for side in sides:
        body += [nn.Upsample(scale_factor=2.0)] if side > sides[0] else []
        body += _convolutions(hidden, hidden, layers)
    return _initialised(*body, nn.Conv2d(hidden, shape[0], 3, padding=1))


def encoder(codes: int, shape: tuple[int, ...], hidden: int, layers: int) -> nn.Module:
    """Make a network of images [B, *shape] to codes [B, codes]; channels grow by `hidden`."""
    sides = sides_of(shape[-1])[::-1]
    widths = [hidden * (1 + level) for level in range(len(sides))]
    body: list[nn.Module] = [nn.Conv2d(shape[0], hidden, 3, padding=1), nn.ELU()]
    for inputs, width in pairwise([hidden, *widths]):
        body += [nn.Conv2d(inputs, inputs, 3, 2, 1)] if width > hidden else []
        body += _convolutions(inputs, width, layers)
    return _initialised(*body, nn.Flatten(), nn.Linear(widths[-1] * sides[-1] ** 2, codes))


def flat_encoder(codes: int, shape: tuple[int, ...], hidden: int, layers: int) -> nn.Module:
    """Make a perceptron of examples [B, *shape] to codes [B, codes]."""
    return nn.Sequential(nn.Flatten(), perceptron(prod(shape), codes, hidden, layers))


def flat_decoder(codes: int, shape: tuple[int, ...], hidden: int, layers: int) -> nn.Module:
    """Make a perceptron of codes [B, codes] to examples [B, *shape]."""
    return nn.Sequential(perceptron(codes, prod(shape), hidden, layers), nn.Unflatten(1, shape))


def _convolutions(inputs: int, outputs: int, layers: int) -> list[nn.Module]:
    body: list[nn.Module] = []
    for size, following in pairwise([inputs, *[outputs] * layers]):
        body += [nn.Conv2d(size, following, 3, padding=1), nn.ELU()]
    return body


def _initialised(*layers: nn.Module) -> nn.Module:
    """Draw the weights of Xavier; torch's own let the variety of z fade from layer to layer."""
    body = nn.Sequential(*layers)
    for layer in body:
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.get_parameter("bias"))
    return body
