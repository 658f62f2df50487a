"""One rank of two: trains its share of the batches of several games."""

import json
import os
import sys
from pathlib import Path

import torch.distributed as dist
from torch import Tensor

from gensweep.lanes import Ranks

TICKS = 8


def mean_(tensor: Tensor) -> None:
    dist.all_reduce(tensor)
    tensor /= dist.get_world_size()


def main(ranks: Ranks, port: int, out: Path, models: list[str]) -> None:
    """Train `models` one after the other; the folder of its name gets what came of each."""
    dist.init_process_group(
        "gloo", f"tcp://127.0.0.1:{port}", rank=ranks.rank, world_size=ranks.count
    )
    for model in models:
        train(ranks, out / model, model)
    dist.barrier()  # a rank that leaves early breaks the connections of the other
    dist.destroy_process_group()


def train(ranks: Ranks, out: Path, model: str) -> None:
    """Train two lanes of `model`, and write their states and their metrics."""
    from conftest import PackFactory

    factory = PackFactory()
    pack = factory.filled(model, factory.configs(model, 2), width=2, ranks=ranks)
    progress = pack.run(TICKS)
    for slot in (0, 1):
        (out / f"{ranks.rank}-{slot}").write_bytes(pack.take(slot).to_bytes())
    means = [progress[slot].metrics for slot in (0, 1)]
    (out / f"{ranks.rank}.json").write_text(json.dumps(means))


if __name__ == "__main__":
    rank, count, port = map(int, sys.argv[1:4])
    main(Ranks(rank, count, mean_), port, Path(sys.argv[4]), sys.argv[5:])
    os._exit(0)  # all is written: torch's threads may abort an interpreter that ends in good order
