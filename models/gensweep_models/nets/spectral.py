"""Spectral normalisation with its power iteration as state, so that it works under vmap.

Miyato et al., arXiv:1802.05957, algorithm 1.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, linear, normalize


def _normalised(weight: Tensor, u: Tensor, v: Tensor, training: bool) -> Tensor:
    matrix = weight.flatten(1)
    if training:
        with torch.no_grad():
            fixed = matrix.detach()
            v.copy_(normalize(fixed.mT @ u, dim=0))
            u.copy_(normalize(fixed @ v, dim=0))
    # clones, since the next forward overwrites the state that backward needs
    return weight / (u.clone() @ (matrix @ v.clone()))


def _state(weight: Tensor) -> tuple[Tensor, Tensor]:
    rows, columns = weight.flatten(1).shape
    return normalize(torch.randn(rows), dim=0), normalize(torch.randn(columns), dim=0)


class SpectralLinear(nn.Linear):
    """Linear with its weight divided by an estimate of its largest singular value."""

    u: Tensor
    v: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs)
        for name, value in zip("uv", _state(self.weight), strict=True):
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, _normalised(self.weight, self.u, self.v, self.training), self.bias)


class SpectralConv2d(nn.Conv2d):
    """Conv2d with its weight, as a matrix of `out` rows, normalised likewise."""

    u: Tensor
    v: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, padding: int) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding)
        for name, value in zip("uv", _state(self.weight), strict=True):
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        weight = _normalised(self.weight, self.u, self.v, self.training)
        return conv2d(x, weight, self.bias, self.stride, self.padding)
