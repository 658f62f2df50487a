"""The metrics of 10,000 samples, against torchmetrics' Fréchet distance and prdc's four.

    python tests/benchmarks/evaluation.py [--threads 2]

All of them on the features of the same network, of 28x28 images. `libraries` is the time of the
two libraries over ours for the same five numbers; what is prepared once for a data set, and not
again for each trial, is timed for neither.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import Any

import prdc
import torch
from machine import machine
from torchmetrics.image.fid import FrechetInceptionDistance

from gensweep.metrics import Evaluator, FeatureNet

SHAPE, CLASSES, K = (1, 28, 28), 10, 5


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
    frechet.update(as_bytes(real), real=True)
    known = net.features(real).numpy()

    def measure(fake: torch.Tensor) -> dict[str, float]:
        frechet.update(as_bytes(fake), real=False)
        four = prdc.compute_prdc(known, net.features(fake).numpy(), nearest_k=K)
        return {"frechet": float(frechet.compute())} | {n: float(v) for n, v in four.items()}

    return measure


def as_bytes(images: torch.Tensor) -> torch.Tensor:
    return ((images + 1) * 127.5).round().byte()


def agree(mine: dict[str, float], theirs: dict[str, float]) -> bool:
    return all(abs(mine[n] - v) <= 1e-3 + 0.01 * abs(v) for n, v in theirs.items())


@torch.no_grad()
def main(threads: int, samples: int) -> dict[str, Any]:
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    net = FeatureNet(SHAPE, CLASSES).eval()
    real, fake = (
        as_bytes(torch.rand(samples, *SHAPE) ** p * 2 - 1).float() / 127.5 - 1 for p in (1, 1.2)
    )
    evaluator = Evaluator.for_dataset("random", {"x": real}, {}, net=net, samples=samples, k=K)
    peer = libraries(net, real)
    seconds, (mine,) = timed(lambda: evaluator.evaluate(fake[None]))
    spent, theirs = timed(lambda: peer(fake))
    return {"figures": {"seconds": seconds, "libraries_s": spent},
            "ratios": {"libraries": spent / seconds},
            "equal_quality": agree(mine, theirs)}  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--samples", type=int, default=10_000, help="real ones, and generated ones")
    args = parser.parse_args()
    found = main(args.threads, args.samples)
    print(json.dumps({"benchmark": "evaluation", **found, "machine": machine()}))
