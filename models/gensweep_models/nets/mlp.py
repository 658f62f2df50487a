"""Multilayer perceptrons."""

from itertools import pairwise

from torch import nn

from gensweep_models.nets.spectral import SpectralLinear


def mlp(
    inputs: int, outputs: int, hidden: int, layers: int, spectral: bool = False,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Module:  # fmt: skip
    """`layers` hidden layers of `hidden` units, ReLU if nothing else, then a linear one."""
    kind = SpectralLinear if spectral else nn.Linear
    last = hidden if layers else inputs
    body = hidden_layers(inputs, hidden, layers, spectral, activation)
    return nn.Sequential(*body, kind(last, outputs))


def hidden_layers(
    inputs: int, hidden: int, layers: int, spectral: bool, activation: type[nn.Module] = nn.ReLU
) -> list[nn.Module]:
    """Make `layers` linear layers of `hidden` units, each followed by the activation."""
    kind = SpectralLinear if spectral else nn.Linear
    body: list[nn.Module] = []
    for size, following in pairwise([inputs, *[hidden] * layers]):
        body += [kind(size, following), activation()]
    return body
