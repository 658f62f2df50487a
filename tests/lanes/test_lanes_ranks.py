"""Two processes, each with half of every batch, are one with the whole."""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.lanes import LaneState, Ranks
from toy_games import Mean, Toy, sgd, toy_pack

ROOT = Path(__file__).parents[2]
WORKER = Path(__file__).with_name("rank_worker.py")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


MODELS = ["vae", "gan-hinge", "vqvae"]
"""One player, two with power iterations as state, and two stages."""
RATES = ("active_share", "active_share.0.1", "active_share.1", "largest_rate")
NO_MEANS = dict.fromkeys(("perplexity", *RATES), 0.0)
"""Metrics of a whole batch: of its halves ranks tell the mean, which is another number."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two ranks made of every model: a folder for each."""
    out = tmp_path_factory.mktemp("ranks")
    for model in MODELS:
        (out / model).mkdir()
    paths = os.pathsep.join(str(ROOT / name) for name in ("platform", "models", "tests"))
    env = os.environ | {"PYTHONPATH": paths, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    port = str(_free_port())
    processes = [
        subprocess.Popen([sys.executable, WORKER, str(r), "2", port, out, *MODELS], env=env)
        for r in (0, 1)
    ]
    try:
        assert [p.wait(240) for p in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    return out


@pytest.mark.slow("two processes trace three games")
@pytest.mark.parametrize("model", MODELS)
def test_two_ranks_equal_one(model: str, factory: Any, trained: Path, close: Any) -> None:
    folder = trained / model
    pack = factory.filled(model, factory.configs(model, 2), width=2)
    progress = pack.run(8)
    for slot in (0, 1):
        ranks = [LaneState.from_bytes((folder / f"{r}-{slot}").read_bytes()) for r in (0, 1)]
        for name, tensor in ranks[0].tensors.items():
            assert torch.equal(tensor, ranks[1].tensors[name])
        close(ranks[0], pack.take(slot))
    first, second = (json.loads((folder / f"{r}.json").read_text()) for r in (0, 1))
    assert first == second
    for slot in (0, 1):
        means = [metrics | NO_MEANS for metrics in (first[slot], progress[slot].metrics)]
        assert means[0] == pytest.approx(means[1], rel=1e-4)


def test_a_batch_that_does_not_divide_is_refused(factory: Any) -> None:
    config = factory.config("vae", batch_size=9)
    with pytest.raises(UserError, match=r"batch_size=9 must divide over 2 ranks\."):
        factory.pack("vae", config, ranks=Ranks(0, 2))


class Statistics(nn.Module):
    """A layer with running statistics of its batch."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out


def test_statistics_of_batches_are_those_of_all_ranks(factory: Any) -> None:
    """Each rank sees half of a batch; weights and buffers stay the same in both."""

    def loss(player: str, nets: Any, batch: Any, noise: Any, hyper: Any) -> Any:
        return nets["net"](batch["x"]).square().mean(), {}

    mean = Mean()
    packs = [
        toy_pack(lambda c: Toy({"net": sgd(Statistics)}, loss), factory.points,
                 ranks=Ranks(rank, 2, mean))
        for rank in (0, 1)
    ]  # fmt: skip
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda pack: pack.run(6), packs))
    first, second = (pack.take(0).tensors for pack in packs)
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    moved = first["net/buffer.body.1.running_mean"]
    assert moved.abs().max() > 0.01
