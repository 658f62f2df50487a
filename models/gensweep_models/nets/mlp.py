"""Multilayer perceptrons."""

from itertools import pairwise

from torch import nn

from gensweep_models.nets.spectral import SpectralLinear


def mlp(inputs: int, outputs: int, hidden: int, layers: int, spectral: bool = False) -> nn.Module:
    """`layers` hidden layers of `hidden` units with ReLU, then a linear one."""
    kind = SpectralLinear if spectral else nn.Linear
    last = hidden if layers else inputs
    return nn.Sequential(*hidden_layers(inputs, hidden, layers, spectral), kind(last, outputs))


def hidden_layers(inputs: int, hidden: int, layers: int, spectral: bool) -> list[nn.Module]:
    """Make `layers` linear layers of `hidden` units, each followed by ReLU."""
    kind = SpectralLinear if spectral else nn.Linear
    body: list[nn.Module] = []
    for size, following in pairwise([inputs, *[hidden] * layers]):
        body += [kind(size, following), nn.ReLU()]
    return body
