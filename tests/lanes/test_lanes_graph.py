"""A captured turn is the turn: with inputs in rooms of their own, and results that are copies."""

import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from gensweep.lanes import Pack
from gensweep.lanes._graph import Captured, Graphs, cuda_capture
from toy_games import repeating

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU")


def test_inputs_are_copied_in_and_results_out() -> None:
    total = torch.zeros(2)

    def add(x: dict[str, Tensor], y: None) -> tuple[Tensor, dict[str, Tensor]]:
        total.add_(x["x"])
        return total * 1, {"x": x["x"] + 1}

    captured = Captured(add, ({"x": torch.ones(2)}, None), lambda work: repeating(work, [total]))
    first = captured({"x": torch.ones(2)}, None)
    second = captured({"x": torch.full((2,), 5.0)}, None)
    assert first[0].tolist() == [1, 1]
    assert second[0].tolist() == [6, 6]
    assert first[1]["x"].tolist() == [2, 2]
    assert second[1]["x"].tolist() == [6, 6]
    assert total.tolist() == [6, 6]


def _state(pack: Pack) -> list[Tensor]:
    return [t for stack in pack.stacks.values() for t in stack._tensors().values()]


def _mixed(factory: Any, objective: str, width: int, pack: Pack | None = None) -> Pack:
    """Lanes whose rounds differ, so that turns are masked."""
    configs = [
        factory.config("gan", critic_iterations=n, objective=objective, learning_rate=1e-3)
        for n in (1, 2, 4)
    ]
    pack = pack or factory.pack("gan", configs[0], width=width)
    pack.sparse = False  # as on a GPU
    for slot, config in enumerate(configs):
        pack.load(slot, config, seed=slot, budget_images=8 * 14)
    return pack


@pytest.mark.parametrize("width", [3, 5])
@pytest.mark.parametrize("objective", ["hinge", "wasserstein_gp"])
def test_a_pack_of_captured_turns_is_the_pack(
    factory: Any, objective: str, width: int, bitwise: Any
) -> None:
    """Masked or not, full or not, with power iterations as state, and beyond the budget."""
    pack = _mixed(factory, objective, width)
    plain = pack.run(16)
    known = [pack.take(slot) for slot in range(3)]
    captures: list[Any] = []

    def capture(work: Callable[[], Any]) -> Any:
        captures.append(work)
        return repeating(work, _state(pack))

    for turn in pack.turns.values():
        turn.graphs = Graphs(capture)
    _mixed(factory, objective, width, pack)
    progress = pack.run(16)
    for slot in range(3):
        bitwise(pack.take(slot), known[slot])
        assert progress[slot].metrics == plain[slot].metrics
    assert len(captures) == 3  # the critic's both ways; the generator's masked


def test_a_capture_that_fails_is_told_once_and_done_without() -> None:
    calls: list[Callable[[], Any]] = []

    def refuse(work: Callable[[], Any]) -> Any:
        calls.append(work)
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    graphs, x = Graphs(refuse), torch.ones(1)
    assert graphs("one", torch.neg, x) == -1
    with pytest.warns(UserWarning, match="no CUDA graph, which costs time: operation not perm"):
        assert graphs("one", torch.neg, x) == -1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("one", "two", "two"):
            assert graphs(name, torch.neg, x) == -1
    assert len(calls) == 1


@needs_gpu
@pytest.mark.gpu
@pytest.mark.parametrize("objective", ["hinge", "wasserstein_gp"])
def test_a_cuda_graph_trains_as_the_plain_turns(factory: Any, objective: str, close: Any) -> None:
    lanes = []
    for trace in (True, False):
        config = factory.config("gan", objective=objective)
        data = OnGpu(factory.data.x.cuda())
        pack = factory.pack("gan", config, device="cuda", trace=trace, precision="fp32",
                          data=data)  # fmt: skip
        _mixed(factory, objective, 3, pack)
        pack.run(10)
        captured = [turn.graphs._captured for turn in pack.turns.values()]
        assert all(bool(one) == trace for one in captured)
        lanes.append([pack.take(slot) for slot in range(3)])
    for one, other in zip(*lanes, strict=True):
        close(one, other)


@needs_gpu
@pytest.mark.gpu
def test_nothing_waits_for_the_gpu_within_a_round(factory: Any) -> None:
    pack = factory.pack(
        "gan", factory.config("gan"), device="cuda", data=OnGpu(factory.data.x.cuda())
    )
    _mixed(factory, "hinge", 3, pack)
    pack.run(8)
    from gensweep.lanes._record import Record

    torch.cuda.set_sync_debug_mode("error")
    try:
        pack._run_ticks(dict.fromkeys(range(3), 4), Record())
    finally:
        torch.cuda.set_sync_debug_mode("default")


@needs_gpu
@pytest.mark.gpu
def test_a_cuda_capture_executes_nothing_before_it_is_repeated() -> None:
    total = torch.zeros(2, device="cuda")
    total.add_(0)
    repeat, result = cuda_capture()(lambda: total.add_(1) * 2)
    assert total.tolist() == [0, 0]
    repeat()
    assert total.tolist() == [1, 1]
    assert result.tolist() == [2, 2]


class OnGpu:
    """Random images on the device."""

    shape, classes, count, levels = (1, 8, 8), 3, 44, 16

    def __init__(self, x: Tensor):
        self.x = x

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        return {"x": self.x[indices], "y": indices % self.classes}
