"""What a pack of an entry gains over the same trials one after the other, on this machine.

    python tests/benchmarks/entry_throughput.py [NAME ...] [--widths 1 2 4 8] [--shape 1 8 8]
        [--threads 1]

Milliseconds of a lane and round, at an entry's preset for digits, or else its defaults, on random
examples: of an eager loop of a single trial (`bare`), and of packs of every width. `NAME`: the
faster of the two ways to train a trial alone, that loop and a pack of one, over the best width.
`NAME.bare`, `NAME.engine`: each of the two over it; above 1: the pack is faster. Rows of a table go
to standard error. `equal_quality`: a lane has the same losses in packs of all widths.
"""

import argparse
import gc
import json
import sys
import time
from dataclasses import dataclass
from math import isclose
from typing import Any

import torch
from engine_overhead import Data
from machine import machine
from peers.bare import bare_steps

from gensweep.lanes import Pack, ticks_per_cycle
from gensweep.profiling import num_threads
from gensweep.profiling._profiler import measure_tick_s
from gensweep_models.catalog import CATALOG

ADVERSARIAL = [name for name, model in CATALOG.items() if model.family == "adversarial"]
REPEATS = 2
"""How often each is measured; the least time counts, for disturbances only add."""
TOLERANCE = 1e-2
"""Of losses of one round, which packs of unlike widths compute in unlike order."""


@dataclass(frozen=True)
class Labelled(Data):
    """Random examples of ten classes."""

    classes: int = 10

    def gather(self, indices: torch.Tensor) -> dict[str, torch.Tensor]:
        return super().gather(indices) | {"y": indices % self.classes}


@dataclass
class Measured:
    """Milliseconds of a lane and round in packs by width, and of the eager loop."""

    packs: dict[int, float]
    bare: float
    alike: bool

    @property
    def width(self) -> int:
        return min(self.packs, key=self.packs.__getitem__)

    @property
    def best(self) -> float:
        return self.packs[self.width]

    @property
    def alone(self) -> float:
        return min(self.bare, self.packs.get(1, self.bare))

    def row(self, name: str) -> str:
        """A row of the table in models/THROUGHPUT.md."""
        paces = " | ".join(f"{ms:.3g}" for ms in (self.bare, *self.packs.values()))
        return f"| `{name}` | {paces} | {self.width} | {self.alone / self.best:.2f} |"


def measure(name: str, shape: tuple[int, ...], widths: list[int], threads: int) -> Measured:
    """Train an entry at its settings alone, and in packs of every width."""
    entry, data, preset = CATALOG[name], Labelled(shape), CATALOG[name].presets.get("digits")
    config = entry.config(**(preset.settings if preset else {}))
    packs = {width: _full_pack(entry, config, data, width) for width in widths}
    first = packs[widths[0]]
    ticks = ticks_per_cycle(first.game, first.lane(0).hyper)
    losses = [pack.run(ticks)[0].metrics for pack in packs.values()]
    eager = bare_steps(entry, config, data, "cpu")
    eager(ticks)
    # The time of a single thread is its own, which other processes do not lengthen.
    clock = time.thread_time if threads == 1 else time.perf_counter
    least = dict.fromkeys((0, *widths), float("inf"))
    for _ in range(REPEATS):
        for width in least:
            seconds = measure_tick_s(packs[width].run if width else eager, ticks, clock)
            least[width] = min(least[width], 1000 * seconds / max(1, width))
    alike = all(isclose(value, losses[0][key], rel_tol=TOLERANCE, abs_tol=TOLERANCE)
                for each in losses for key, value in each.items())  # fmt: skip
    return Measured({width: least[width] for width in widths}, least[0], alike)


def _full_pack(entry: Any, config: Any, data: Data, width: int) -> Pack:
    pack = Pack(entry, config, data, data, width=width)
    for slot in range(width):
        pack.load(slot, config, seed=slot, budget_images=10**9)
    return pack


def main(args: argparse.Namespace) -> dict[str, Any]:
    figures: dict[str, float] = {}
    ratios: dict[str, float] = {}
    alike = True
    for name in args.names or ADVERSARIAL:
        with num_threads(args.threads):
            found = measure(name, tuple(args.shape), args.widths, args.threads)
        figures |= {f"{name}.{width}.ms": ms for width, ms in found.packs.items()}
        figures |= {f"{name}.bare.ms": found.bare, f"{name}.width": found.width}
        ratios |= {f"{name}.bare": found.bare / found.best, name: found.alone / found.best}
        if 1 in found.packs:
            ratios[f"{name}.engine"] = found.packs[1] / found.best
        alike = alike and found.alike
        print(found.row(name), file=sys.stderr, flush=True)
        gc.collect()
    return {"figures": figures, "ratios": ratios, "equal_quality": alike}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="entries; by default adversarial")
    parser.add_argument("--widths", nargs="+", type=int, default=[1, 2, 4, 8])
    parser.add_argument("--shape", nargs="+", type=int, default=[1, 8, 8], help="of an example")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    print(json.dumps({
        "benchmark": "entry_throughput", **main(given),
        "machine": machine() | {"threads": given.threads},
    }))  # fmt: skip
