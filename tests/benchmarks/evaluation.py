"""The metrics of 10,000 samples of each lane, against torchmetrics' two distances and prdc's four.

    python tests/benchmarks/evaluation.py [--threads 2] [--lanes 32] [--peer-lanes 1]

All of them on the features of the same network, of 28x28 images. `libraries` is the time that the
two libraries take for a lane over ours for the same six numbers; what is prepared once for a data
set, and not again for each trial, is timed for neither. `all_metrics_s` is the time of a lane for
all that an evaluation measures, `with_intervals_s` at a trial's end, where their intervals are too.
`grown_mib` is the memory that the six numbers of all lanes take beside the samples.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from typing import Any

import prdc
import torch
from machine import machine
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from gensweep.metrics import Evaluator, FeatureNet
from gensweep.profiling._memory import MemoryMeter

SHAPE, CLASSES, K = (1, 28, 28), 10, 5
SAME = ("frechet", "kernel_distance", "precision", "recall", "density", "coverage")
"""Of the metrics, those that the libraries have."""


class Features(torch.nn.Module):
    """The same network as torchmetrics wants it: of bytes."""

    num_features = 64

    def __init__(self, net: FeatureNet):
        super().__init__()
        self.net = net

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.net.features(images.float() / 127.5 - 1)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    found = work()
    return time.perf_counter() - begin, found


def libraries(net: FeatureNet, real: torch.Tensor) -> Callable[[torch.Tensor], dict[str, float]]:
    frechet = FrechetInceptionDistance(
        feature=Features(net), reset_real_features=False, input_img_size=SHAPE
    )
    kernel = KernelInceptionDistance(
        feature=Features(net), subsets=1, subset_size=len(real), reset_real_features=False
    )
    for distance in (frechet, kernel):
        distance.update(as_bytes(real), real=True)
    known = net.features(real).numpy()

    def measure(fake: torch.Tensor) -> dict[str, float]:
        for distance in (frechet, kernel):
            distance.reset()
            distance.update(as_bytes(fake), real=False)
        four = prdc.compute_prdc(known, net.features(fake).numpy(), nearest_k=K)
        two = {"frechet": frechet.compute(), "kernel_distance": kernel.compute()[0]}
        return {name: float(value) for name, value in (two | four).items()}

    return measure


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    return ((images + 1) * 127.5).round().byte()


def agree(mine: dict[str, float], theirs: dict[str, float]) -> bool:
    return all(abs(mine[n] - v) <= 1e-3 + 0.01 * abs(v) for n, v in theirs.items())


def lane_of(number: int, samples: int) -> torch.Tensor:
    """Images whose law moves away from the real one's from lane to lane."""
    generator = torch.Generator().manual_seed(number)
    images = torch.rand(samples, *SHAPE, generator=generator) ** (1.2 + number / 100)
    return as_bytes(images * 2 - 1).float() / 127.5 - 1


@torch.no_grad()
def main(threads: int, samples: int, lanes: int, peer_lanes: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = FeatureNet(SHAPE, CLASSES).eval()
    real = as_bytes(torch.rand(samples, *SHAPE) * 2 - 1).float() / 127.5 - 1
    evaluator = Evaluator.for_dataset("random", {"x": real}, {}, net=net, samples=samples, k=K)
    peer = libraries(net, real)
    every = torch.stack([lane_of(number, samples) for number in range(lanes)])
    meter = MemoryMeter("cpu")
    meter.begin()
    seconds, mine = timed(lambda: evaluator.evaluate(every, SAME))
    grown = meter.grown_mib()
    whole, _ = timed(lambda: evaluator.evaluate(every[:1]))
    sure, _ = timed(lambda: evaluator.evaluate(every[:1], errors=True))
    spent, theirs = timed(lambda: [peer(lane) for lane in every[:peer_lanes]])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    per_lane, per_peer = seconds / lanes, spent / peer_lanes
    return {"figures": {"lane_s": per_lane, "libraries_lane_s": per_peer, "lanes": lanes,
                        "all_metrics_s": whole, "with_intervals_s": sure, "grown_mib": grown,
                        "peak_mib": peak},
            "ratios": {"libraries": per_peer / per_lane},
            "equal_quality": all(map(agree, mine, theirs))}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--samples", type=int, default=10_000, help="real ones, and generated ones")
    parser.add_argument("--lanes", type=int, default=32, help="that are measured")
    parser.add_argument("--peer-lanes", type=int, default=1, help="of them by the libraries, too")
    args = parser.parse_args()
    found = main(args.threads, args.samples, args.lanes, args.peer_lanes)
    print(json.dumps({"benchmark": "evaluation", **found, "machine": machine()}))
