"""Nothing in a round reads a number back from the device, which would make the host wait for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from gensweep.lanes import CURVE_PARTS, Pack

READ = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2"}
"""Operations whose result, or its size, the host knows only once the device has computed it."""


class Watch(TorchDispatchMode):
    """Notes the operations that read."""

    def __init__(self, read: list[str]):
        super().__init__()
        self.read = read

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name().removeprefix("aten::").partition(".")[0]
        if name in READ:
            self.read.append(name)
        return func(*args, **(kwargs or {}))


@contextmanager
def watched(pack: Pack, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note what the turns of a pack read."""
    read: list[str] = []
    take = pack._step

    def step(*args: Any) -> None:
        with monkeypatch.context() as patch, Watch(read):
            for name in ("tolist", "numpy", "cpu"):
                patch.setattr(Tensor, name, noted(name, getattr(Tensor, name)))
            take(*args)

    def noted(name: str, method: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            read.append(name)
            return method(*args, **kwargs)

        return call

    monkeypatch.setattr(pack, "_step", step)
    yield read


def filled(factory: Any, variant: str) -> Pack:
    """A pack whose lanes' rounds differ, each tick of which is measured; nothing is traced yet."""
    pack: Pack = factory.pack(variant, factory.config(variant))
    for slot, critic_iterations in enumerate((1, 2, 2)):
        config = factory.config(variant, critic_iterations=critic_iterations)
        pack.load(slot, config, seed=slot, budget_images=CURVE_PARTS * config.batch_size)
    return pack


@pytest.mark.parametrize("variant", ["gan", "gan-hinge", "gan-cures", "gan-wasserstein_gp"])
def test_a_round_with_its_diagnostics_reads_nothing(
    factory: Any, monkeypatch: pytest.MonkeyPatch, variant: str
) -> None:
    """As a GPU takes it: by formulas in the place of fused kernels, in all lanes."""
    pack = filled(factory, variant)
    pack.sparse = False
    for turn in pack.turns.values():
        turn.fused = False
    pack.run(2)
    with watched(pack, monkeypatch) as read:
        found = pack.run(10)
    assert read == []
    assert {"critic_update_ratio", "critic_spectral_norm"} <= found[0].metrics.keys()


def test_what_reads_is_noted(factory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fused kernel of the processor reads the masks of the lanes that it steps."""
    pack = filled(factory, "gan")
    pack.run(2)
    with watched(pack, monkeypatch) as read:
        pack.run(4)
    assert {"nonzero", "tolist"} <= set(read)
    assert torch.ones(1).tolist() == [1.0]
