"""Noise and data order are functions of the seed and of progress."""

from dataclasses import dataclass
from typing import Literal

import pytest
import torch

from gensweep.lanes import DataOrder, draw, generator
from gensweep.lanes._generators import KINDS, NoiseLayout, fill


@dataclass(frozen=True)
class Numbers:
    shape: tuple[int, ...]
    kind: Literal["normal", "uniform"] = "normal"


NOISE = {"z": Numbers((5, 3)), "e": Numbers((5, 1), "uniform"), "w": Numbers((7,))}


@pytest.mark.parametrize("kind", KINDS)
def test_a_stream_is_the_same_in_parts(kind: str) -> None:
    numbers = NoiseLayout(NOISE).numbers[kind]
    once = torch.zeros(6, numbers)
    fill(once, kind, generator(3, "noise"))
    parts, source = torch.zeros(6, numbers), generator(3, "noise")
    for start, end in ((0, 1), (1, 4), (4, 6)):
        fill(parts[start:end], kind, source)
    assert torch.equal(once, parts)
    assert len(once.unique()) > 0.99 * once.numel()


def test_names_have_shapes_and_numbers_of_their_own() -> None:
    drawn = draw(NOISE, [0, 1], "sample")
    assert {n: tuple(t.shape) for n, t in drawn.items()} == {
        "z": (2, 5, 3),
        "e": (2, 5, 1),
        "w": (2, 7),
    }
    assert len(torch.cat([drawn["z"].flatten(), drawn["w"].flatten()]).unique()) == 44
    assert (drawn["e"] >= 0).all()
    assert (drawn["e"] < 1).all()
    again = draw(NOISE, [1], "sample")
    assert all(torch.equal(again[n][0], drawn[n][1]) for n in drawn)


def test_moments_are_those_of_the_kind() -> None:
    one = draw({"n": Numbers((100_000,)), "u": Numbers((100_000,), "uniform")}, [0], "m")
    # five standard errors
    assert abs(float(one["n"].mean())) < 5 / 100_000**0.5
    assert abs(float(one["n"].var()) - 1) < 5 * (2 / 100_000) ** 0.5
    assert abs(float(one["u"].mean()) - 0.5) < 5 * (1 / 12 / 100_000) ** 0.5


def test_an_epoch_is_a_permutation() -> None:
    order = DataOrder(4, 23)
    indices = torch.cat([order.indices(seen, 8) for seen in range(0, 69, 8)])[:69]
    epochs = indices.view(3, 23)
    for epoch in epochs:
        assert torch.equal(epoch.sort().values, torch.arange(23))
    assert not torch.equal(epochs[0], epochs[1])


def test_order_depends_on_seed_and_images_seen_alone() -> None:
    straight = DataOrder(4, 23).indices(0, 100)
    jumped = DataOrder(4, 23)
    for seen, number in ((60, 30), (0, 10), (30, 5)):
        assert torch.equal(jumped.indices(seen, number), straight[seen : seen + number])
    assert not torch.equal(DataOrder(5, 23).indices(0, 100), straight)
