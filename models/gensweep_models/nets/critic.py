"""Critics: a trunk of layers to features, then a score, between which a batch may be compared."""

import torch
from torch import Tensor, nn

from gensweep_models.nets.conv import STEM
from gensweep_models.nets.mlp import CriticNorm, hidden_layers
from gensweep_models.nets.spectral import SpectralConv2d, SpectralLinear, SpectralNet

KERNEL_SIZE = 5
"""Numbers by which two examples are compared in each kernel; in the authors' code, too."""


class MinibatchDiscrimination(nn.Module):
    """Appends to features [B, A] how near each example is to the others of the batch: [B, A + K].

    o_k(i) = sum over j != i of exp(-||M_ik - M_jk||_1), M = features T. Salimans et al.,
    arXiv:1606.03498, section 3.2.
    """

    def __init__(self, size: int, kernels: int) -> None:
        super().__init__()
        self.t = nn.Parameter(0.05 * torch.randn(size, kernels, KERNEL_SIZE))

    def forward(self, features: Tensor) -> Tensor:
        m = torch.einsum("ba,akc->bkc", features, self.t)
        near = (-(m[:, None] - m).abs().sum(-1)).exp().sum(1)
        return torch.cat([features, near - 1], 1)  # an example is at 0 from itself


class MlpCritic(nn.Sequential, SpectralNet):
    """Examples [B, *shape] to scores [B, outputs], or to their features [B, hidden + kernels]."""

    def __init__(
        self, inputs: int, hidden: int, layers: int, norm: CriticNorm = "none", kernels: int = 0,
        outputs: int = 1,
    ) -> None:  # fmt: skip
        trunk = hidden_layers(inputs, hidden, layers, norm)
        body = nn.Sequential(*trunk, *_head(hidden, outputs, norm, kernels))
        super().__init__(nn.Flatten(), body)

    def forward(self, x: Tensor, features: bool = False) -> Tensor:
        return _run(self[1], self[0](x), features)


class ConvCritic(SpectralNet):
    """Images [B, *shape] to scores [B, outputs], or to features; after DCGAN, arXiv:1511.06434."""

    def __init__(
        self, shape: tuple[int, ...], channels: int, norm: CriticNorm = "none", kernels: int = 0,
        outputs: int = 1,
    ) -> None:  # fmt: skip
        super().__init__()
        side, halvings = STEM[shape[-1]]
        body: list[nn.Module] = []
        width, inputs = channels, shape[0]
        for _ in range(halvings):
            conv = SpectralConv2d if norm == "spectral" else nn.Conv2d
            centred = norm == "batch" and bool(body)
            body += [conv(inputs, width, 4, 2, 1, bias=not centred)]
            body += [nn.BatchNorm2d(width)] if centred else []
            body += [nn.LeakyReLU(0.2)]
            inputs, width = width, 2 * width
        size = inputs * side**2
        self.body = nn.Sequential(*body, nn.Flatten(), *_head(size, outputs, norm, kernels))

    def forward(self, x: Tensor, features: bool = False) -> Tensor:
        return _run(self.body, x, features)


def _head(size: int, outputs: int, norm: CriticNorm, kernels: int) -> list[nn.Module]:
    between = [MinibatchDiscrimination(size, kernels)] if kernels else []
    linear = SpectralLinear if norm == "spectral" else nn.Linear
    return [*between, linear(size + kernels, outputs)]


def _run(body: nn.Module, x: Tensor, features: bool) -> Tensor:
    """Run the layers one by one; for features, all but the last."""
    *trunk, head = body.children()
    for layer in trunk:
        x = layer(x)
    out: Tensor = x if features else head(x)
    return out
