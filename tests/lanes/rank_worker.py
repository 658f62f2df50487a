"""One rank of two: trains its share of every batch and writes what came of it."""

import json
import sys
from pathlib import Path

import torch.distributed as dist
from torch import Tensor

from gensweep.lanes import Ranks

TICKS = 8


def mean_(tensor: Tensor) -> None:
    dist.all_reduce(tensor)
    tensor /= dist.get_world_size()


def main(rank: int, count: int, port: int, out: Path, model: str) -> None:
    from conftest import PackRunner

    dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=count)
    bench = PackRunner()
    configs = bench.configs(model, 2)
    pack = bench.filled(model, configs, width=2, ranks=Ranks(rank, count, mean_))
    progress = pack.run(TICKS)
    for slot in (0, 1):
        (out / f"{rank}-{slot}").write_bytes(pack.take(slot).to_bytes())
    means = [progress[slot].metrics for slot in (0, 1)]
    (out / f"{rank}.json").write_text(json.dumps(means))
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])
