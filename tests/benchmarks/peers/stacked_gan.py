"""The same MLP GAN for many trials at once, stacked by hand for this model alone.

L trials, B batch: every layer is one baddbmm over [L, B, features]; learning rates differ.
"""

import itertools
import math

import torch
from peers.ring8_gan import EMA, LAYERS
from torch import Tensor
from torch.nn.functional import softplus

BETA1, BETA2, EPS = 0.5, 0.999, 1e-8
Net = list[Tensor]


class Adam:
    """Of stacked tensors, with a learning rate [L, 1, 1] for each trial."""

    def __init__(self, net: Net, rate: Tensor):
        self.net, self.rate, self.steps = net, rate, 0
        self.mean = [torch.zeros_like(p) for p in net]
        self.square = [torch.zeros_like(p) for p in net]

    def step(self, grads: tuple[Tensor, ...], fraction: float) -> None:
        self.steps += 1
        with torch.no_grad():
            torch._foreach_lerp_(self.mean, grads, 1 - BETA1)
            torch._foreach_mul_(self.square, BETA2)
            torch._foreach_addcmul_(self.square, grads, grads, 1 - BETA2)
            scale = torch._foreach_div(self.square, 1 - BETA2**self.steps)
            torch._foreach_sqrt_(scale)
            torch._foreach_add_(scale, EPS)
            change = torch._foreach_div(self.mean, scale)
            rate = self.rate * (fraction / (1 - BETA1**self.steps))
            torch._foreach_sub_(self.net, torch._foreach_mul(change, [rate] * len(self.net)))


def network(lanes: int, inputs: int, outputs: int, hidden: int) -> Net:
    sizes = [inputs, *[hidden] * LAYERS, outputs]
    net: Net = []
    for size, following in itertools.pairwise(sizes):
        bound = 1 / math.sqrt(size)
        net += [torch.empty(lanes, size, following).uniform_(-bound, bound),
                torch.empty(lanes, 1, following).uniform_(-bound, bound)]  # fmt: skip
    return [p.requires_grad_() for p in net]


def apply(net: Net, x: Tensor) -> Tensor:
    for i in range(0, len(net), 2):
        x = torch.baddbmm(net[i + 1], x, net[i])
        if i + 2 < len(net):
            x = x.relu()
    return x


class StackedGan:
    """`step` is a step of the critic and one of the generator in every trial."""

    def __init__(self, lanes: int, batch: int, hidden: int, latent: int):
        self.shape = (lanes, batch, latent)
        self.critic = network(lanes, 2, 1, hidden)
        self.generator = network(lanes, latent, 2, hidden)
        self.average = [p.detach().clone() for p in self.generator]
        rate = torch.full((lanes, 1, 1), 1e-3)
        self.players = Adam(self.critic, rate), Adam(self.generator, rate)
        self.done = 0

    def step(self, real: Tensor, fraction: float) -> None:
        with torch.no_grad():
            fake = apply(self.generator, torch.randn(self.shape))
        loss = softplus(-apply(self.critic, real)) + softplus(apply(self.critic, fake))
        self._descend(0, loss, fraction)
        loss = softplus(-apply(self.critic, apply(self.generator, torch.randn(self.shape))))
        self._descend(1, loss, fraction)
        self.done += 1
        keep = min(EMA, self.done / (self.done + 10))
        with torch.no_grad():
            torch._foreach_lerp_(self.average, self.generator, 1 - keep)

    def _descend(self, player: int, loss: Tensor, fraction: float) -> None:
        optimiser = self.players[player]
        optimiser.step(torch.autograd.grad(loss.mean((1, 2)).sum(), optimiser.net), fraction)
