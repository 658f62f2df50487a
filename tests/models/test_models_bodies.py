"""The GANs' networks layer by layer, by hand: activations, halvings and doublings."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d, linear

from gensweep_models.adversarial.bodies import make_critic, make_generator

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (3, 64, 64)]
SMALLEST = {8: 2, 28: 7, 32: 4, 64: 4}
"""Pixels a side of the smallest maps, by those of images."""


def _rectified(x: Tensor) -> Tensor:
    return x.clamp(min=0)


def _leaky(x: Tensor) -> Tensor:
    """DCGAN's slope of 0.2 below 0."""
    return torch.maximum(x, 0.2 * x)


def _by_hand(net: Any, x: Tensor, between: Callable[[Tensor], Tensor], side: int = 0) -> Tensor:
    """Layers in their order by their weights alone, flat before linear ones, side by side after."""
    values = list(net.parameters())
    weights = list(zip(values[0::2], values[1::2], strict=True))
    for number, (weight, bias) in enumerate(weights):
        if weight.ndim == 2:
            x = linear(x.flatten(1), weight, bias)
        elif side:
            x = x.unflatten(1, (-1, side, side)) if x.ndim == 2 else x
            x = conv_transpose2d(x, weight, bias, stride=2, padding=1)
        else:
            x = conv2d(x, weight, bias, stride=2, padding=1)
        x = between(x) if number < len(weights) - 1 else x
    return x


@pytest.mark.parametrize("shape", SHAPES)
def test_convolutions_are_those_of_dcgan(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    z, x = torch.randn(2, 5), torch.randn(2, *shape)
    makes, judges = make_generator("conv", 5, shape, 8, 1), make_critic("conv", shape, 8, 1)
    images = _by_hand(makes, z, _rectified, SMALLEST[shape[-1]])
    assert images.shape == x.shape
    torch.testing.assert_close(makes(z), images)
    torch.testing.assert_close(judges(x), _by_hand(judges, x, _leaky))


@pytest.mark.parametrize("layers", [1, 3])
def test_perceptrons_are_rectified(layers: int) -> None:
    torch.manual_seed(0)
    z, x = torch.randn(4, 5), torch.randn(4, 1, 8, 8)
    makes, judges = (
        make_generator("mlp", 5, (1, 8, 8), 6, layers), make_critic("mlp", (1, 8, 8), 6, layers)
    )  # fmt: skip
    assert len(list(makes.parameters())) == len(list(judges.parameters())) == 2 * (layers + 1)
    torch.testing.assert_close(makes(z), _by_hand(makes, z, _rectified))
    torch.testing.assert_close(judges(x), _by_hand(judges, x, _rectified))
