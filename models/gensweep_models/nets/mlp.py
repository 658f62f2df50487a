"""Multilayer perceptrons."""

from itertools import pairwise
from typing import Literal

from torch import nn

from gensweep_models.nets.spectral import SpectralLinear

CriticNorm = Literal["none", "spectral", "batch"]
"""spectral: each weight is divided by its norm; batch: features are normalised over the batch, but
those of the first layer, which sees the data (DCGAN, arXiv:1511.06434)."""


def mlp(
    inputs: int, outputs: int, hidden: int, layers: int, spectral: bool = False,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Module:  # fmt: skip
    """`layers` hidden layers of `hidden` units, ReLU if nothing else, then a linear one."""
    kind = SpectralLinear if spectral else nn.Linear
    norm: CriticNorm = "spectral" if spectral else "none"
    last = hidden if layers else inputs
    body = hidden_layers(inputs, hidden, layers, norm, activation)
    return nn.Sequential(*body, kind(last, outputs))


def hidden_layers(
    inputs: int, hidden: int, layers: int, norm: CriticNorm = "none",
    activation: type[nn.Module] = nn.ReLU,
) -> list[nn.Module]:  # fmt: skip
    """Make `layers` linear layers of `hidden` units, each followed by the activation."""
    kind = SpectralLinear if norm == "spectral" else nn.Linear
    body: list[nn.Module] = []
    for size, following in pairwise([inputs, *[hidden] * layers]):
        centred = norm == "batch" and bool(body)
        # Batch normalisation takes a bias away.
        body += [kind(size, following, bias=not centred)]
        body += [nn.BatchNorm1d(following)] if centred else []
        body += [activation()]
    return body
