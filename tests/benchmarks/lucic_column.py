"""What the column of MNIST of Lucic et al. (arXiv:1711.10337, Table 2) costs on this device.

    python tests/benchmarks/lucic_column.py [--widths 1 8 32 64] [--device cuda]

Eight models, 100 configurations each, 15,625 steps of batch 64, in packs of the best width. All
models are taken to cost what the non-saturating GAN does, each step with one of the generator;
evaluation is not counted. `packing`: lane-steps a second over those of a pack of one; `floor`: the
least time of a step, and hours of the column, by NVIDIA's data sheets.
"""

import argparse
import json
import sys
import time
from typing import Any

import torch
from floor import demand, floors, synchronised
from hfta_dcgan import Images
from machine import machine
from peers.lucic_gan import CONFIGURATIONS, ENTRY, MODELS, SIDE, STEPS, LucicConfig

from gensweep.lanes import Pack

SHAPE = (1, SIDE, SIDE)


def steps_per_s(width: int, config: LucicConfig, args: argparse.Namespace) -> tuple[float, bool]:
    """Lane-steps a second of a full pack after a warm-up, and whether all losses were finite."""
    images = Images(args.device, 2048, SHAPE)
    pack = Pack(ENTRY, config, images, images, width=width, device=args.device,
                precision=args.precision)  # fmt: skip
    for slot in range(width):
        pack.load(slot, config, seed=slot, budget_images=10**9)
    pack.run(args.at_once)
    synchronised(args.device)
    begin, done = time.perf_counter(), 0
    while time.perf_counter() - begin < args.seconds:
        progress = pack.run(args.at_once)
        done += args.at_once
    spent = time.perf_counter() - begin
    return width * done / spent, all(one.cause is None for one in progress.values())


def main(config: LucicConfig, args: argparse.Namespace) -> dict[str, Any]:
    pace, finite = {}, True
    for width in args.widths:
        pace[width], fine = steps_per_s(width, config, args)
        finite = finite and fine
    request = demand(ENTRY, config, Images("cpu", 2 * config.batch_size, SHAPE))
    best = max(pace, key=pace.__getitem__)
    figures = {f"{width}.steps_per_s": value for width, value in pace.items()}
    figures |= {"best_width": best, "column_hours": column_hours(pace[best])}
    ratios = {"packing": pace[best] / pace[min(pace)]}
    least = floors(request)
    hours = {n.replace(".ms", ".column_hours"): column_hours(1e3 / ms)
             for n, ms in least.items() if n.endswith(".ms")}  # fmt: skip
    figures |= request | least | hours
    return {"figures": figures, "ratios": ratios, "equal_quality": finite}


def column_hours(lane_steps_per_s: float) -> float:
    return MODELS * CONFIGURATIONS * STEPS / lane_steps_per_s / 3600


if __name__ == "__main__":
    on_gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", nargs="+", type=int,
                        default=[1, 8, 32, 64, 128] if on_gpu else [1, 4, 8])  # fmt: skip
    parser.add_argument("--device", default="cuda" if on_gpu else "cpu")
    parser.add_argument("--precision", help="of the engine; its default if left out")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each width")
    at_once = 20 if on_gpu else 2
    parser.add_argument("--at-once", type=int, default=at_once, help="steps of a segment")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU")
    parser.add_argument("--quick", action="store_true", help="narrow layers, for a test")
    given = parser.parse_args()
    if given.device == "cuda" and not on_gpu:
        print("lucic_column --device cuda needs an NVIDIA GPU.", file=sys.stderr)
        sys.exit(2)
    torch.set_num_threads(given.threads)
    found = main(LucicConfig(narrow=16, batch_size=8) if given.quick else LucicConfig(), given)
    print(json.dumps({
        "benchmark": "lucic_column", **found, "machine": machine() | {"threads": given.threads},
    }))  # fmt: skip
