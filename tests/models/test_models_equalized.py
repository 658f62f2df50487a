"""Layers of ProGAN: the equalised learning rate, both normalisations, resampling."""

from math import sqrt
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate, leaky_relu, linear

from gensweep_models.catalog import CATALOG
from gensweep_models.nets.equalized import (
    EqualizedConv2d,
    EqualizedLinear,
    blur,
    minibatch_stddev,
    pixel_norm,
)
from gensweep_models.nets.equalized_critic import CriticHead, channels_at, sides_of


@pytest.mark.parametrize("rate", [1.0, 0.01])
def test_an_equalized_layer_is_a_linear_one_with_the_weights_of_he(rate: float) -> None:
    layer, plain = EqualizedLinear(50, 7, gain=1.5, rate=rate, bias=0.5), nn.Linear(50, 7)
    with torch.no_grad():
        plain.weight.copy_(layer.weight * rate * 1.5 / sqrt(50))
        plain.bias.fill_(0.5)
    x = torch.randn(4, 50)
    torch.testing.assert_close(layer(x), plain(x))
    assert float(plain.weight.detach().std()) == pytest.approx(1.5 / sqrt(50), rel=0.2)


def test_a_step_of_adam_changes_all_equalized_layers_alike() -> None:
    """By the rate times a share of their weights that does not depend on their size."""
    shares = []
    for inputs, rate in ((4, 1.0), (400, 1.0), (400, 0.1)):
        layer = EqualizedLinear(inputs, 400, rate=rate)
        used = layer.weight.detach() * layer.scale
        optimizer = torch.optim.Adam(layer.parameters(), 1e-3)
        layer(torch.randn(8, inputs)).square().sum().backward()
        optimizer.step()
        change = layer.weight.detach() * layer.scale - used
        shares.append(float(change.norm() / used.norm()) / rate)
    assert shares == pytest.approx([1e-3] * 3, rel=0.05)


def test_an_equalized_convolution_keeps_sides_and_variance() -> None:
    layer, x = EqualizedConv2d(32, 64, gain=1), torch.randn(8, 32, 12, 12)
    known = conv2d(x, layer.weight / sqrt(32 * 9), layer.bias, padding=1)
    torch.testing.assert_close(layer(x), known)
    assert float(layer(x).detach()[:, :, 1:-1, 1:-1].std()) == pytest.approx(1, rel=0.1)


def test_pixel_norm_gives_vectors_of_mean_square_one() -> None:
    x = torch.randn(3, 5, 2, 2)
    known = x / x.square().mean(1, keepdim=True).sqrt()
    torch.testing.assert_close(pixel_norm(x), known)
    torch.testing.assert_close(pixel_norm(7 * x), known)


def test_padding_cancels_between_pixel_norm_and_an_equalized_layer() -> None:
    small, large, z = EqualizedLinear(5, 3), EqualizedLinear(9, 3), torch.randn(4, 5)
    with torch.no_grad():
        large.weight[:, :5] = small.weight
    padded = torch.cat([z, torch.zeros(4, 4)], 1)
    torch.testing.assert_close(large(pixel_norm(padded)), small(pixel_norm(z)))


def test_minibatch_stddev_against_numbers_by_hand() -> None:
    """Two groups of a batch of eight: the examples 0, 2, 4, 6 and the others."""
    x = torch.randn(8, 3, 2, 2)
    out = minibatch_stddev(x)
    assert torch.equal(out[:, :3], x)
    for example in range(8):
        group = x[example % 2 :: 2]
        known = group.std(0, correction=0).mean()
        torch.testing.assert_close(out[example, 3], known.expand(2, 2))


def test_groups_of_a_batch_that_does_not_divide_are_smaller() -> None:
    x = torch.randn(6, 3, 2, 2)
    known = x[::3].std(0, correction=0).mean()
    torch.testing.assert_close(minibatch_stddev(x)[0, 3, 0, 0], known)
    assert float(minibatch_stddev(x[:1])[:, 3].max()) == pytest.approx(1e-4)  # the root of EPS


def test_a_critic_tells_examples_that_are_all_alike() -> None:
    head, x = CriticHead(4, 4), torch.randn(4, 4, 4, 4)
    alone = head(x[:1].expand(4, -1, -1, -1))
    torch.testing.assert_close(alone, alone[:1].expand(4))
    assert not torch.isclose(head(x)[0], alone[0])


def test_a_blur_is_a_convolution_with_binomials() -> None:
    x, row = torch.randn(2, 3, 6, 6), torch.tensor([1.0, 2, 1]) / 4
    kernel = torch.outer(row, row).expand(3, 1, 3, 3)
    torch.testing.assert_close(blur(x), conv2d(x, kernel, padding=1, groups=3))
    # a doubled map, smoothed, has the means of neighbours 3:1, as bilinear enlargement
    twice = blur(interpolate(x, scale_factor=2.0))[..., 1:-1, 1:-1]
    bilinear = interpolate(x, scale_factor=2.0, mode="bilinear")[..., 1:-1, 1:-1]
    torch.testing.assert_close(twice, bilinear)


def test_sides_double_from_four_to_seven_pixels_on() -> None:
    assert [sides_of((1, side, side)) for side in (8, 28, 32, 64)] == [
        [4, 8], [7, 14, 28], [4, 8, 16, 32], [4, 8, 16, 32, 64],
    ]  # fmt: skip
    assert [channels_at(side, 64) for side in (4, 32, 64, 128)] == [64, 64, 32, 16]
    for shape in ((2,), (1, 8, 9), (1, 4, 4), (1, 18, 18)):
        with pytest.raises(ValueError, match="S"):
            sides_of(shape)


@pytest.mark.parametrize("name", ["progan", "stylegan"])
def test_critics_are_table_2_and_stylegans_smooths_before_it_halves(name: str) -> None:
    """Pass by pass at 8 x 8, with the deviation of groups of four of the batch as one more map."""
    torch.manual_seed(0)
    model, data = CATALOG[name], SimpleNamespace(shape=(1, 8, 8), classes=0, count=10)
    net = model.game(model.config(channels=4), data).players["critic"].build()
    growing = name == "progan"
    colours, block, head = (net.rgb[1], net.blocks[0], net.head) if growing else net
    for parameter in net.parameters():
        nn.init.normal_(parameter)

    def applied(layer: Any, h: Tensor) -> Tensor:
        weight = layer.weight * sqrt(2 / layer.weight[0].numel())
        made = (conv2d(h, weight, layer.bias, padding=weight.shape[-1] // 2) if h.ndim == 4
                else linear(h, weight, layer.bias))  # fmt: skip
        return leaky_relu(made, 0.2)

    x = torch.randn(8, 1, 8, 8)
    h = applied(block.conv1, applied(colours[0], x))
    h = avg_pool2d(applied(block.conv2, h if growing else blur(h)), 2)
    groups = [h[place::2].std(0, correction=0).mean() for place in (0, 1)]
    deviation = torch.stack(groups * 4)[:, None, None, None].expand(8, 1, 4, 4)
    h = applied(head.conv, torch.cat([h, deviation], 1))
    h = applied(head.hidden, h.flatten(1))
    scores = linear(h, head.score.weight / 2, head.score.bias).squeeze(1)
    found = net(x, torch.ones(1)) if growing else net(x)
    torch.testing.assert_close(found, scores, rtol=1e-4, atol=1e-4)
