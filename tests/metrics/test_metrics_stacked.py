"""Modes of stacked images are told channel by channel; a collapsed generator has few."""

import math

import pytest
import torch
from torch import Tensor

from gensweep.metrics import Evaluator, StackedNet

CLASSES = 27
"""Of three channels, each of three classes."""


def images(digits: Tensor) -> Tensor:
    """Draw images [B, C, 8, 8]: a channel is as bright as its digit [B, C] says, with noise."""
    source = torch.Generator().manual_seed(len(digits))
    noise = 0.1 * torch.randn(*digits.shape, 8, 8, generator=source)
    return (digits[..., None, None] - 1.0) / 1.5 + noise


def digits(count: int, seed: int = 0) -> Tensor:
    return torch.randint(3, (count, 3), generator=torch.Generator().manual_seed(seed))


def number(of: Tensor) -> Tensor:
    return of @ torch.tensor([9, 3, 1])


@pytest.fixture(scope="module")
def net() -> StackedNet:
    known = digits(200)
    return StackedNet.trained(images(known), number(known), CLASSES)


def evaluator(net: StackedNet) -> Evaluator:
    real = digits(300, seed=1)
    shares = torch.full((CLASSES,), 1 / CLASSES)
    examples = {"x": images(real), "y": number(real)}
    return Evaluator.for_dataset("s", examples, {}, net=net, shares=shares, samples=300)


def test_the_class_has_the_digits_of_the_channels(net: StackedNet) -> None:
    known = digits(200, seed=2)
    labels = number(known)
    assert torch.equal(net.digits(labels), known)
    assert torch.equal(net.classify(net.features(images(known))), labels)
    swapped = net.classify(net.features(images(known).flip(1)))
    assert torch.equal(swapped, number(known.flip(1)))


def test_a_network_is_the_same_when_it_is_read_again(net: StackedNet) -> None:
    again = StackedNet.load(net.save())
    assert (again.hash, again.classes) == (net.hash, CLASSES)
    x = images(digits(5))
    assert torch.equal(again.features(x), net.features(x))


@pytest.mark.parametrize("modes", [1, 2, 9])
def test_a_collapsed_generator_has_few_modes(net: StackedNet, modes: int) -> None:
    kept = digits(4000, seed=3).unique(dim=0)[:modes]
    (found,) = evaluator(net).evaluate(
        images(kept.repeat(180, 1))[None], {"classes_seen", "class_kl"}
    )
    assert found["classes_seen"] == modes
    assert found["class_kl"] == pytest.approx(math.log(CLASSES / modes))


def test_one_sample_is_enough_to_see_a_class(net: StackedNet) -> None:
    drawn = torch.tensor([[0, 0, 0]] * 299 + [[2, 1, 0]])
    (found,) = evaluator(net).evaluate(images(drawn)[None])
    assert (found["classes_seen"], found["classes"]) == (2, 1)
