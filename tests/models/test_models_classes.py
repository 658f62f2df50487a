"""Samples of the class-conditional GANs: each of the class that it is asked for."""

from typing import Any

import pytest
import torch
from torch import nn

from small_entries import small_game


@pytest.mark.parametrize(
    ("name", "shape", "values"),
    [
        ("cgan", (2,), {"body": "mlp"}),
        ("cgan", (1, 8, 8), {"body": "mlp"}),
        ("cgan", (1, 28, 28), {"body": "conv"}),
        ("cgan", (3, 32, 32), {"body": "conv"}),
        ("sagan", (1, 8, 8), {}),
        ("biggan", (1, 8, 8), {}),
    ],
)
def test_samples_are_of_their_own_class_and_of_no_neighbours(
    name: str, shape: tuple[int, ...], values: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    game = small_game(name, shape, **values)
    nets: Any = {"generator": game.players["generator"].build().eval()}
    for parameter_name, parameter in nets["generator"].named_parameters():
        if ".gain." in parameter_name:  # SAGAN's begin without a class
            nn.init.normal_(parameter)
    z = torch.rand(game.sample_noise(1)["z"].shape).expand(3, -1)
    noise, hyper = {"z": z}, {"truncation": torch.tensor(2.0)}
    first = game.sample(nets, noise, hyper, {"y": torch.tensor([0, 1, 0])})
    assert first.shape == (3, *shape)
    torch.testing.assert_close(first[0], first[2])
    assert not torch.allclose(first[0], first[1])
    again = game.sample(nets, noise, hyper, {"y": torch.tensor([0, 2, 2])})
    torch.testing.assert_close(again[0], first[0])
    assert not torch.allclose(again[1], first[1])
