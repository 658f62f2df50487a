"""Multilayer perceptrons."""

from itertools import pairwise

from torch import nn

from gensweep_models.nets.spectral import SpectralLinear


def mlp(inputs: int, outputs: int, hidden: int, layers: int, spectral: bool = False) -> nn.Module:
    """`layers` hidden layers of `hidden` units with ReLU, then a linear one."""
    kind = SpectralLinear if spectral else nn.Linear
    sizes = [inputs, *[hidden] * layers]
    body: list[nn.Module] = []
    for size, following in pairwise(sizes):
        body += [kind(size, following), nn.ReLU()]
    return nn.Sequential(*body, kind(sizes[-1], outputs))
