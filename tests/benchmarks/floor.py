"""What a step of a trial asks of a device, and the least time in which a known card gives it."""

from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from gensweep.lanes import Pack

PEAKS = {
    "H200": {"bf16": 989e12, "tf32": 495e12, "fp32": 67e12, "bytes": 4.8e12},
    "H100": {"bf16": 989e12, "tf32": 495e12, "fp32": 67e12, "bytes": 3.35e12},
}
"""NVIDIA's data sheets of the SXM cards: dense operations, and bytes of memory, a second."""


class _Traffic(TorchDispatchMode):
    """Counts the bytes of what operations read and write, each on its own, but for views."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if not func.is_view:
            touched = pytree.tree_leaves((args, kwargs, out))
            self.bytes += sum(t.nbytes for t in touched if isinstance(t, Tensor))
        return out


def demand(entry: Any, config: Any, data: Any) -> dict[str, float]:
    """Floating-point operations and bytes of one step of all players of one trial.

    Operations are those of products and convolutions; bytes are what unfused operations move.
    """
    pack = Pack(entry, config, data, data, width=1, trace=False, precision="fp32")
    pack.load(0, config, seed=0, budget_images=10**9)
    with FlopCounterMode(display=False) as counter, _Traffic() as traffic:
        pack.run(1)
    return {"gflop": counter.get_total_flops() / 1e9, "gbyte": traffic.bytes / 1e9}


def floors(request: dict[str, float]) -> dict[str, float]:
    """Milliseconds of a lane's step at the published peaks, whichever of the two takes longer.

    Fused operations would move fewer bytes; bf16 halves them at best.
    """
    found = {}
    for card, peak in PEAKS.items():
        for kind in ("fp32", "tf32", "bf16"):
            moved = request["gbyte"] * 1e9 / peak["bytes"] / (2 if kind == "bf16" else 1)
            computed = request["gflop"] * 1e9 / peak[kind]
            found[f"floor.{card}.{kind}.compute_ms"] = 1e3 * computed
            found[f"floor.{card}.{kind}.ms"] = 1e3 * max(moved, computed)
    return found


def synchronised(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
