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

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, bias)
        for name, value in zip("uv", _state(self.weight), strict=True):
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, _normalised(self.weight, self.u, self.v, self.training), self.bias)


class SpectralConv2d(nn.Conv2d):
    """Conv2d with its weight, as a matrix of `out` rows, normalised likewise."""

    u: Tensor
    v: Tensor

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, padding: int, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, padding, bias=bias)
        for name, value in zip("uv", _state(self.weight), strict=True):
            self.register_buffer(name, value)

    def forward(self, x: Tensor) -> Tensor:
        weight = _normalised(self.weight, self.u, self.v, self.training)
        return conv2d(x, weight, self.bias, self.stride, self.padding)


def spectral_layers(net: nn.Module) -> list[SpectralLinear | SpectralConv2d]:
    """List the layers of `net` that are normalised."""
    return [m for m in net.modules() if isinstance(m, SpectralLinear | SpectralConv2d)]


class SpectralNet(nn.Module):
    """A network of such layers, which tells of their weights before they are divided."""

    def sigmas(self) -> dict[str, Tensor]:
        """Estimate each layer's largest singular value by the last power iteration, by its name.

        BigGAN logs them; arXiv:1809.11096, section 4. They have no gradient.
        """
        return {
            name: one.u @ (one.weight.detach().flatten(1) @ one.v)
            for name, one in self.named_modules()
            if isinstance(one, SpectralLinear | SpectralConv2d)
        }

    def sigma(self) -> Tensor:
        """Return the largest of `sigmas`."""
        return torch.stack(list(self.sigmas().values())).max()

    def orthogonal_penalty(self) -> Tensor:
        """Sum of |W W^T * (1 - I)|^2 over the layers, a row of W a filter.

        BigGAN, arXiv:1809.11096, equation 3, without its factor: filters may have any norm, but
        should be orthogonal.
        """
        return torch.stack([_alike(one.weight.flatten(1)) for one in spectral_layers(self)]).sum()


def _alike(matrix: Tensor) -> Tensor:
    # |W W^T| is |W^T W|: whichever is smaller
    rows, columns = matrix.shape
    products = matrix @ matrix.mT if rows <= columns else matrix.mT @ matrix
    return products.square().sum() - matrix.square().sum(1).square().sum()
