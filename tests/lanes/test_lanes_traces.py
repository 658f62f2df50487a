"""What a trace is for any number of lanes follows from two."""

from typing import Any

import pytest
import torch

from gensweep.lanes._traces import Traces, extrapolate
from small_entries import STRUCTURES

UNET = pytest.param("ddpm", marks=pytest.mark.slow("a U-Net is traced for three widths"))
MORE = pytest.mark.slow("games like gan are traced for three widths", minutes=0.1)
LIKE_GAN = [pytest.param(name, marks=MORE) for name in ("gan-hinge", "gan-wasserstein_gp")]
VARIANTS = [*sorted(set(STRUCTURES) - {"ddpm"}), *LIKE_GAN, UNET]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_trace_that_follows_is_the_one_that_would_be_taken(factory: Any, variant: str) -> None:
    """Operation by operation, of every turn of every game."""
    config = factory.config(variant)
    packs = {}
    for width in (5, 3, 8):
        packs[width] = factory.pack(variant, config, width=width)
        for slot in range(width):
            factory.load(packs[width], slot, config, slot)
        packs[width].run(3)
    for name, turn in packs[5].turns.items():
        for kind, traces in turn._traces.items():
            known = {w: packs[w].turns[name]._traces[kind]._raw[w] for w in packs}
            found = extrapolate({5: traces._raw[5], 3: known[3]}, 8)
            assert found is not None
            assert str(found.graph) == str(known[8].graph)
            sizes = [[n.meta.get("val") for n in t.graph.nodes if n.op != "output"]
                     for t in (found, known[8])]  # fmt: skip
            for mine, other in zip(*sizes, strict=True):
                assert _told(mine) == _told(other)


def _told(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.shape, value.stride(), value.dtype, value.device.type
    return [_told(one) for one in value] if isinstance(value, list | tuple) else value


def test_traces_that_are_unlike_are_taken_each() -> None:
    calls = []

    def scaled(x: torch.Tensor) -> torch.Tensor:
        calls.append(len(x))
        return x * (1 + len(x) ** 2 / 7)

    traces = Traces(scaled)
    for lanes in (2, 3, 5, 8, 5):
        x = torch.ones(lanes, 4)
        assert torch.equal(traces(x), x * (1 + lanes**2 / 7))
    assert calls == [2, 3, 5, 8]


def test_constants_that_are_unlike_are_taken_each() -> None:
    def counted(x: torch.Tensor) -> torch.Tensor:
        return x + torch.tensor([float(len(x)) ** 2, 1.0])

    traces = Traces(counted)
    for lanes in (2, 3, 5):
        x = torch.zeros(lanes, 2)
        assert torch.equal(traces(x)[0], torch.tensor([lanes**2, 1.0]))


@pytest.mark.parametrize("lanes", [7, 2])
def test_sizes_that_grow_with_the_lanes_follow(lanes: int) -> None:
    calls = []

    def folded(x: torch.Tensor) -> torch.Tensor:
        calls.append(len(x))
        return x.reshape(2 * len(x), 2).sum(1).view(len(x), 2)

    traces = Traces(folded)
    for count in (3, 5, lanes):
        x = torch.arange(4.0 * count).view(count, 4)
        assert torch.equal(traces(x), x.view(count, 2, 2).sum(2))
    assert calls == [3, 5]
