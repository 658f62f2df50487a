"""What the packed engine costs beside code written by hand for one model.

    python tests/benchmarks/engine_overhead.py [--widths 1 4 16] [--threads 1]

`bare_loop`: an eager training loop of an MLP GAN over ours at width 1 (above 1: ours is faster).
`stacked`: a step stacked by hand over ours, width 32. The curve, on a GPU if there is one, has
milliseconds a round of one lane, and the MiB by which a process grows that trains a pack of that
width (a GPU's: the most that was allocated). `memory`: these over those of as many bare loops, at
the largest width; asked for is at most 1.1.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import mean, variance
from typing import Any

import torch
from machine import machine
from peers import lucic_gan
from peers.bare import bare_steps
from peers.ring8_gan import SAMPLES, SIZES, measured, points, train
from peers.stacked_gan import StackedGan

from gensweep.lanes import Pack
from gensweep_models.catalog import CATALOG

ENTRIES = CATALOG | {"lucic_28": lucic_gan.ENTRY}
MODELS: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    "mlp_gan": ("gan", {"batch_size": 64, "hidden": 64}, (2,)),
    "mlp_gan_128": ("gan", {"batch_size": 128, "hidden": 128}, (2,)),
    "gan_28": ("gan", {"batch_size": 64, "hidden": 128}, (1, 28, 28)),
    "dcgan_32": ("gan", {"batch_size": 64, "hidden": 128, "body": "conv"}, (3, 32, 32)),
    "vae": ("vae", {"batch_size": 64}, (1, 28, 28)),
    "lucic_28": ("lucic_28", {}, (1, 28, 28)),
}
MOST = {"lucic_28": 8}
"""The widest pack on a CPU, whose memory a lane of 13 million weights soon fills."""
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
"""Of the curve."""
STRETCH = {"seconds": 2.0, "rounds": 300.0}
"""How long each pace is measured; `--quick` is for tests."""


@dataclass(frozen=True)
class Data:
    """Random examples."""

    shape: tuple[int, ...]
    classes: int = 0
    count: int = 2048
    levels: int = 256
    device: str = "cpu"

    def gather(self, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"x": self.examples[indices]}

    @property
    def examples(self) -> torch.Tensor:
        if "x" not in _KEPT:
            _KEPT["x"] = torch.rand(self.count, *self.shape, device=self.device) * 2 - 1
        return _KEPT["x"]


_KEPT: dict[str, torch.Tensor] = {}


def pace(run: Callable[[int], Any]) -> float:
    """Seconds of one round, after a warm-up; the best of three stretches."""
    run(1)
    spent = _timed(lambda: run(1))
    at_once = max(1, min(10, int(STRETCH["seconds"] / 3 / spent)))
    run(at_once)
    found = []
    for _ in range(3):
        begin, rounds = time.perf_counter(), 0
        while time.perf_counter() - begin < STRETCH["seconds"] / 3:
            run(at_once)
            rounds += at_once
        found.append((time.perf_counter() - begin) / rounds)
    return min(found)


def packed(model: str, width: int, device: str = "cpu") -> float:
    """Seconds of a round of one lane in a full pack."""
    name, changes, shape = MODELS[model]
    entry, data = ENTRIES[name], Data(shape, device=device)
    config = entry.config(**changes)
    pack = Pack(entry, config, data, data, width=width, device=device)
    for slot in range(width):
        pack.load(slot, config, seed=slot, budget_images=10**9)
    return pace(pack.run) / width


def bare(model: str, device: str) -> float:
    """Seconds of a round of an eager loop of the model alone."""
    name, changes, shape = MODELS[model]
    entry = ENTRIES[name]
    return pace(bare_steps(entry, entry.config(**changes), Data(shape, device=device), device))


def bare_loop(size: str) -> float:
    params = {"learning_rate": 1e-3, "beta1": 0.5, "latent_size": 16}
    rounds = int(STRETCH["rounds"])
    train(params, size, 0, 20)
    short, long = (
        min(_timed(lambda r=count: train(params, size, 0, r)) for _ in range(3))
        for count in (20, 20 + rounds)
    )
    return (long - short) / rounds


def _timed(work: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def by_hand(size: str, lanes: int) -> float:
    batch = SIZES[size]["batch"]
    gan = StackedGan(lanes, batch, SIZES[size]["hidden"], 16)
    data = torch.randn(2048, 2)

    def run(rounds: int) -> None:
        for _ in range(rounds):
            gan.step(data[torch.randint(2048, (lanes, batch))], 0.5)

    return pace(run) / lanes


def point(model: str, width: int) -> tuple[float, float]:
    """Milliseconds a lane and MiB of a pack, or of the bare loop (0), in a process of its own."""
    argv = [sys.executable, __file__, "--point", model, str(width), str(torch.get_num_threads())]
    argv += ["--quick"] * (STRETCH["seconds"] < 1)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    seconds, mib = json.loads(done.stdout.splitlines()[-1])
    return 1000 * seconds, mib


def grown(model: str, width: int) -> tuple[float, float]:
    """Seconds, and MiB beside those of the examples."""
    _ = Data(MODELS[model][2], device=DEVICE).examples
    before = _peak_mib()
    seconds = packed(model, width, DEVICE) if width else bare(model, DEVICE)
    return seconds, _peak_mib() - before


def _peak_mib() -> float:
    """Of this program: what getrusage says is inherited from the one that started it."""
    if DEVICE == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def curve(model: str, widths: list[int]) -> tuple[dict[str, float], float]:
    """Milliseconds and MiB at each width and of the bare loop, and `memory`."""
    most = MOST.get(model, max(widths)) if DEVICE == "cpu" else max(widths)
    fitting = [width for width in widths if width <= most]
    found = {width: point(model, width) for width in (0, *fitting)}
    names = {width: str(width) if width else "bare" for width in found}
    figures = {f"{model}.{names[w]}.ms": ms for w, (ms, _) in found.items()}
    figures |= {f"{model}.{names[w]}.mib": mib for w, (_, mib) in found.items()}
    widest = max(fitting)
    return figures, found[widest][1] / (widest * found[0][1])


@dataclass(frozen=True)
class Ring(Data):
    """Examples of ring8."""

    shape: tuple[int, ...] = (2,)
    count: int = 100_000

    @cached_property
    def examples(self) -> torch.Tensor:
        return points(self.count)


def as_good(trials: int = 4) -> bool:
    """Whether lanes of a pack get as far as bare loops on ring8, by the share of good samples."""
    params = {"learning_rate": 2e-3, "beta1": 0.5, "latent_size": 16}
    rounds, entry, data = int(STRETCH["rounds"]), CATALOG["gan"], Ring()
    theirs = [train(params, "small", seed, rounds)["high_quality"] for seed in range(trials)]
    config = entry.config(**MODELS["mlp_gan"][1], **params)
    pack = Pack(entry, config, data, data, width=trials)
    for slot in range(trials):
        pack.load(slot, config, seed=slot, budget_images=rounds * config.batch_size)
    pack.run(rounds)
    mine = [measured(samples)["high_quality"] for samples in pack.sample(SAMPLES)]
    error = sum(variance(each) / trials for each in (mine, theirs)) ** 0.5
    return mean(mine) > mean(theirs) - 3 * error - 1 / SAMPLES


def main(widths: list[int], models: list[str]) -> dict[str, Any]:
    figures: dict[str, float] = {}
    ratios: dict[str, float] = {}
    for size, model in (("small", "mlp_gan"), ("medium", "mlp_gan_128")):
        bare, alone = bare_loop(size), packed(model, 1)
        hand, wide = by_hand(size, 32), packed(model, 32)
        spent = {"bare_loop": bare, "width_1": alone, "stacked": hand, "width_32": wide}
        figures |= {f"{size}.{name}_ms": 1000 * seconds for name, seconds in spent.items()}
        ratios |= {f"{size}.bare_loop": bare / alone, f"{size}.stacked": hand / wide}
    for model in models:
        more, ratios[f"{model}.memory"] = curve(model, widths)
        figures |= more
    return {"figures": figures, "ratios": ratios}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", nargs="+", type=int, default=[1, 4, 16, 32])
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="short, and so less exact")
    parser.add_argument("--point", nargs=3, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.quick:
        STRETCH.update(seconds=0.2, rounds=60.0)
    if args.point:
        torch.set_num_threads(int(args.point[2]))
        print(json.dumps(grown(args.point[0], int(args.point[1]))))
        sys.exit()
    torch.set_num_threads(args.threads)
    found = main(args.widths, args.models)
    print(json.dumps({
        "benchmark": "engine_overhead", **found, "equal_quality": as_good(),
        "machine": machine() | {"threads": args.threads},
    }))  # fmt: skip
