"""Cures for collapse and instability of a GAN, each a pure function of what the players see.

B batch. Label smoothing is in `objectives`, minibatch discrimination in `nets.critic`, R1, R2 and
other penalties in `penalties`.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn


def pack(x: Tensor, size: int) -> Tensor:
    """Join every `size` examples along their first axis: [B / size, size C, ...].

    The critic of PacGAN scores them together, and so sees a lack of variety; arXiv:1712.04086.
    """
    return x if size == 1 else x.reshape(-1, size * x.shape[1], *x.shape[2:])


def anneal(x: Tensor, noise: Tensor, scale: Tensor, progress: Tensor) -> Tensor:
    """Add instance noise, whose standard deviation falls from `scale` to 0 over the budget.

    Soenderby et al., arXiv:1610.04490, section 3.
    """
    return x + scale * (1 - progress) * noise


def feature_distance(real: Tensor, fake: Tensor) -> Tensor:
    """Return ||E f(x) - E f(G(z))||^2 of a critic's features [B, A]; arXiv:1606.03498, eq. 1."""
    return (real.mean(0) - fake.mean(0)).square().sum()


class Past(nn.Module):
    """The mean of all weights that a network has had, one of each of its turns.

    Called with the present ones it takes them in and returns their squared distance from that
    mean, which historical averaging keeps small; arXiv:1606.03498, section 3.3.
    """

    turns: Tensor

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.register_buffer("turns", torch.zeros(()))
        for number, parameter in enumerate(net.parameters()):
            self.register_buffer(f"mean{number}", torch.zeros_like(parameter))

    def forward(self, weights: Iterable[Tensor]) -> Tensor:
        pairs = [(one, self.get_buffer(f"mean{n}")) for n, one in enumerate(weights)]
        if self.training:
            with torch.no_grad():
                self.turns.add_(1)
                for weight, mean in pairs:
                    mean.add_((weight.detach() - mean) / self.turns)
        return torch.stack([(weight - mean).square().sum() for weight, mean in pairs]).sum()


class WithPast(nn.Module):
    """A network that is called as it is, beside its past."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net, self.past = net, Past(net)

    def forward(self, *args: object, **kwargs: object) -> Tensor:
        out: Tensor = self.net(*args, **kwargs)
        return out
