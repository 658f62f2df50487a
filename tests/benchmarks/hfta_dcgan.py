"""DCGAN of 64 x 64 x 3 as in HFTA (arXiv:2102.02344): many trainings on one GPU.

    python tests/benchmarks/hfta_dcgan.py [--widths 1 2 4 8 16 32] [--steps 50]

Random images, batch 128, 100 latents, 64 channels, Adam; images a second of all trainings, the
first epoch left out. `serial`: ours over one training after the other, in torch's default
precision, where convolutions are tf32; `processes`: over as many at once as are fastest; `bf16`:
ours in bf16 over one after the other under autocast. `floor`: the least time of a step by NVIDIA's
data sheets.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import torch
from floor import demand, floors, synchronised
from machine import machine
from peers.dcgan_64 import ENTRY, DcganConfig, eager, paced
from torch import Tensor

from gensweep.lanes import Pack

EPOCHS = 3


@dataclass(frozen=True)
class Images:
    """Random ones, where they are trained on."""

    device: str
    count: int
    shape: tuple[int, ...] = (3, 64, 64)
    classes: int = 0
    levels: int = 256
    x: Tensor = field(init=False)

    def __post_init__(self) -> None:
        x = torch.rand(self.count, *self.shape, device=self.device) * 2 - 1
        object.__setattr__(self, "x", x)

    def gather(self, indices: Tensor) -> dict[str, Tensor]:
        return {"x": self.x[indices]}


def serial(config: DcganConfig, args: argparse.Namespace, bf16: bool = False) -> float:
    begin, end = paced(eager(config, _images(args).x, bf16=bf16), args.steps, EPOCHS)
    return (EPOCHS - 1) * args.steps * config.batch_size / (end - begin)


def side_by_side(count: int, config: DcganConfig, args: argparse.Namespace) -> float:
    """Images a second of `count` processes, which begin their second epoch together."""
    options = ["--device", args.device, "--steps", str(args.steps), *["--quick"] * args.quick]
    members = [
        subprocess.Popen([sys.executable, __file__, "--member", *options], text=True,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(count)
    ]  # fmt: skip
    for one in members:
        assert one.stdout is not None
        one.stdout.readline()
    spans = [json.loads(said) for said in _told(members)]
    begin, end = min(b for b, _ in spans), max(e for _, e in spans)
    return count * (EPOCHS - 1) * args.steps * config.batch_size / (end - begin)


def _told(members: list["subprocess.Popen[str]"]) -> list[str]:
    """Tell all to go on, and gather what they say."""
    for one in members:
        assert one.stdin is not None
        one.stdin.write("go\n")
        one.stdin.flush()
    return [one.communicate()[0] for one in members]


def member(config: DcganConfig, args: argparse.Namespace) -> None:
    def ready() -> None:
        print("ready", flush=True)
        sys.stdin.readline()

    print(json.dumps(paced(eager(config, _images(args).x), args.steps, EPOCHS, ready)))


def ours(width: int, precision: str, config: DcganConfig, args: argparse.Namespace) -> float:
    """Images a second of all lanes; nan if they do not fit into memory."""
    images = _images(args)
    try:
        pack = Pack(ENTRY, config, images, images, width=width, device=args.device,
                    precision=precision)  # fmt: skip
        for slot in range(width):
            pack.load(slot, config, seed=slot, budget_images=10**9)
        begin, end = paced(pack.run, args.steps, EPOCHS)
    except torch.OutOfMemoryError:
        return math.nan
    return width * (EPOCHS - 1) * args.steps * config.batch_size / (end - begin)


def same(config: DcganConfig, args: argparse.Namespace) -> bool:
    """Whether lanes of a pack have the losses of a trial alone, traced or not, over some steps."""
    images, found = _images(args), {}
    for width, trace in ((2, True), (1, False)):
        pack = Pack(ENTRY, config, images, images, width=width, device=args.device,
                    precision="fp32", trace=trace)  # fmt: skip
        for slot in range(width):
            pack.load(slot, config, seed=slot, budget_images=10**9)
        found[width] = pack.run(3)[0].metrics
    near = (math.isclose(found[2][n], v, rel_tol=1e-2) for n, v in found[1].items())
    return all(near) and all(math.isfinite(v) for v in found[2].values())


def _images(args: argparse.Namespace) -> Images:
    return Images(args.device, 64 if args.quick else 2048)


def main(config: DcganConfig, args: argparse.Namespace) -> dict[str, Any]:
    figures = {"serial": serial(config, args), "serial.bf16": serial(config, args, bf16=True)}
    for count in args.processes:
        figures[f"processes.{count}"] = side_by_side(count, config, args)
    plain = "tf32" if args.device == "cuda" else "fp32"
    kinds = dict.fromkeys(("fp32", plain, "bf16"))
    for kind in kinds:
        for width in args.widths:
            figures[f"ours.{kind}.{width}"] = ours(width, kind, config, args)
            synchronised(args.device)
            if args.device == "cuda":
                torch.cuda.empty_cache()

    def best(start: str) -> float:
        return max(v for n, v in figures.items() if n.startswith(start) and not math.isnan(v))

    ratios = {
        "serial": best(f"ours.{plain}.") / figures["serial"],
        "processes": best(f"ours.{plain}.") / best("processes."),
        "bf16": best("ours.bf16.") / figures["serial.bf16"],
    }
    request = demand(ENTRY, config, Images("cpu", 2 * config.batch_size))
    figures = {f"{n}.images_per_s": v for n, v in figures.items() if not math.isnan(v)}
    return {"figures": figures | request | floors(request), "ratios": ratios}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--widths", nargs="+", type=int, default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--processes", nargs="+", type=int, default=[2, 4, 8])
    parser.add_argument("--steps", type=int, default=50, help="of an epoch")
    parser.add_argument("--device", default="cuda", help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--member", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    request = parsed()
    if request.device == "cuda" and not torch.cuda.is_available():
        print("hfta_dcgan needs an NVIDIA GPU.", file=sys.stderr)
        sys.exit(2)
    small = {"latent": 8, "channels": 4, "batch_size": 8} if request.quick else {}
    recipe = DcganConfig(**small)
    if request.device == "cpu":
        torch.set_num_threads(1)
    if request.member:
        member(recipe, request)
        sys.exit()
    begun = time.time()
    found = main(recipe, request)
    print(json.dumps({
        "benchmark": "hfta_dcgan", **found, "equal_quality": same(recipe, request),
        "seconds": time.time() - begun, "machine": machine(),
    }))  # fmt: skip
