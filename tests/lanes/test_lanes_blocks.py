"""A lane's numbers do not depend on how many others there are, whatever the size of its batch."""

from typing import Any

import pytest
import torch
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.functional import batch_norm

from gensweep.lanes._blocks import UNEVEN, even_out, in_blocks

ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "softplus_backward": (1.0, 20.0), "elu_backward": (1.0, 1.0, 1.0, False),
}  # fmt: skip


def arguments(function: Any, lanes: int, size: int) -> list[Any]:
    """Two tensors [L, size], or one, and the numbers that the function asks for."""
    source = torch.Generator().manual_seed(0)
    a, b = (2 * torch.randn(16, size, generator=source)[:lanes] for _ in range(2))
    name, overload = function._schema.name.removeprefix("aten::"), function._overloadname
    if name == "pow":
        a = a.abs()
        return {"Scalar": [1.7, a], "Tensor_Scalar": [a, 1.7]}.get(overload, [a, b])
    if name == "elu_backward":
        return [a, *ARGUMENTS[name], b]
    if name.endswith("_backward") or name == "logaddexp":
        return [a, b, *ARGUMENTS.get(name, ())]
    return [a]


@pytest.mark.parametrize("function", sorted(UNEVEN, key=str), ids=str)
def test_a_lane_has_no_neighbours(function: Any) -> None:
    differs = False
    for size in range(1, 64):
        many = in_blocks(function, 32, *arguments(function, 16, size))
        few = in_blocks(function, 32, *arguments(function, 2, size))
        torch.testing.assert_close(few, function(*arguments(function, 2, size)))
        assert torch.equal(many[:2], few)
        plain = function(*arguments(function, 16, size))[:2]
        differs |= not torch.equal(plain, function(*arguments(function, 2, size)))
    if torch.backends.cpu.get_cpu_capability() == "AVX512":  # other vectors round otherwise
        assert differs, "torch computes it evenly by now: it can leave the list"


@pytest.mark.parametrize("threads", [3, 4, 8])
def test_more_threads_than_two_share_nothing_unevenly(threads: int) -> None:
    x = 2 * torch.randn(16, 17_536)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        trace = make_fx(torch.nn.functional.softplus)(x)
        even_out(trace, 16)
        trace.recompile()
        assert "in_blocks" in trace.code
        many = trace(x)
        for lanes in (2, 3, 5):
            few = in_blocks(torch.ops.aten.softplus.default, 32, x[:lanes])
            assert torch.equal(many[:lanes], few)
    finally:
        torch.set_num_threads(before)


def test_only_uneven_lanes_are_filled() -> None:
    def softened(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.softplus(x).mean(1)

    for size, filled in ((50, True), (64, False)):
        x = torch.randn(4, size)
        trace = make_fx(softened)(x)
        even_out(trace, 4)
        trace.recompile()
        assert ("in_blocks" in trace.code) is (filled or torch.get_num_threads() > 2)
        torch.testing.assert_close(trace(x), softened(x))


def test_a_lane_has_its_own_gradients_of_batch_normalisation() -> None:
    """Features [B, L C] lie in rows in which lanes follow each other, and sums are over rows."""

    def gradients(places: list[int], size: int, *, evened: bool) -> list[torch.Tensor]:
        """Return those of the lane 0, which has its place among others."""
        source = torch.Generator().manual_seed(0)
        x = torch.randn(5, 8, size, generator=source)[places]
        weight, bias = torch.rand(2, 5, size, generator=source)[:, places]

        def loss(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
            normed = batch_norm(x, None, None, weight, bias, training=True)
            return (normed * normed * x).sum()

        lane = torch.func.grad(loss, (0, 1, 2))
        trace = make_fx(torch.vmap(lane))(x, weight, bias)
        if evened:
            even_out(trace, len(places))
            trace.recompile()
        return [one[places.index(0)] for one in trace(x, weight, bias)]

    differs = False
    for size in (3, 5, 8, 16, 24, 40):
        many, plain = (gradients([0, 1, 2], size, evened=each) for each in (True, False))
        for places in ([1, 2, 0], [0, 1], [3, 4, 2, 0, 1]):
            few = gradients(places, size, evened=True)
            assert all(torch.equal(*pair) for pair in zip(few, many, strict=True)), size
            few = gradients(places, size, evened=False)
            differs |= not all(torch.equal(*pair) for pair in zip(few, plain, strict=True))
        for own, known in zip(many, plain, strict=True):
            torch.testing.assert_close(own, known)
    if torch.backends.cpu.get_cpu_capability() == "AVX512":  # other vectors round otherwise
        assert differs, "torch computes it evenly by now: it can be left as it is"


@pytest.mark.parametrize("batch", [8, 10])
def test_a_trial_is_the_same_in_packs_of_all_widths(factory: Any, batch: int, bitwise: Any) -> None:
    configs = [factory.config("gan", learning_rate=1e-3, batch_size=batch) for _ in range(8)]
    packs = [factory.filled("gan", configs[:width], width=width) for width in (2, 3, 5, 8)]
    for pack in packs:
        pack.run(6)
    for pack in packs[1:]:
        for slot in (0, 1):
            bitwise(pack.take(slot), packs[0].take(slot))
