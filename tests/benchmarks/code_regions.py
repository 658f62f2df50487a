"""Are samples valid where no example's code is? Precision by the distance to the nearest code.

    python tests/benchmarks/code_regions.py NAME [--preset] [--data digits] [--images 300000]
        [--set FIELD=VALUE ...] [--threads 1]

Trains one trial of a model whose codes can be decoded, of seed 0, as `entry_quality.py` does, and
decodes as many codes of a normal law fitted to those of the training examples, and codes that are
even over the box around them. A code's distance is that to the nearest training code, with that of
held-out examples' codes, in the median, as 1. `precision.*` is the share of decoded images that lie
as near to real examples as these do to each other (arXiv:1904.06991), of codes up to a distance and
beyond the one before; that of held-out examples' codes is beside it.
"""

import argparse
import sys
from math import inf

import torch
from entry_quality import asked, print_figures, trained, trial_parser
from torch import Tensor

from gensweep.data import load_dataset
from gensweep.evaluation import build_evaluator, draw_examples
from gensweep.game_capabilities import capability_noise
from gensweep.lanes import Pack, generator
from gensweep.storage import ObjectStore

CODES = 2000
"""That are decoded of the law, and of the box."""
EDGES = (1.5, 2.0, 3.0, 4.0)
"""Distances at which regions end."""
FEWEST = 50
"""Codes of a region of which precision is told."""


def encoded(pack: Pack, x: Tensor) -> Tensor:
    """Return the codes [N, Z] of examples."""
    codes: Tensor = pack.call("encode", capability_noise(pack.game, "encode", len(x)), x)[0]
    return codes


def of_law(codes: Tensor, count: int) -> Tensor:
    """Draw from the normal law of codes [N, Z], all of whose numbers vary."""
    root = torch.linalg.cholesky(codes.mT.cov())
    normal = torch.randn(count, codes.shape[1], generator=generator(0, "law"))
    return codes.mean(0) + normal @ root.mT


def of_box(codes: Tensor, count: int) -> Tensor:
    """Draw evenly from the least box around codes [N, Z]."""
    low, high = codes.amin(0), codes.amax(0)
    return low + (high - low) * torch.rand(count, codes.shape[1], generator=generator(0, "box"))


def nearest(codes: Tensor, known: Tensor) -> Tensor:
    """Return the distance [N] of codes [N, Z] to the nearest of the known ones."""
    return torch.cdist(codes, known).amin(1)


def regions(codes: Tensor, distance: Tensor) -> dict[str, Tensor]:
    """Part codes by their distance [N], by the end of each region."""
    ends = zip((0.0, *EDGES), (*EDGES, inf), strict=True)
    return {f"to_{high:g}": codes[(distance > low) & (distance <= high)] for low, high in ends}


def measured(args: argparse.Namespace, store: ObjectStore) -> dict[str, float]:
    """Train, decode, and measure."""
    sweep, values, images = asked(args)
    splits = [load_dataset(args.data, store, split=split) for split in ("train", "test")]
    evaluator = build_evaluator(sweep, store, *splits).evaluator
    pack = trained(sweep.model, splits[0], sweep.model.config(**values), images, [0])
    if not hasattr(pack.game, "decode"):
        sys.exit(f"{args.name} decodes no codes: take an autoencoder or a VAE.")
    known, held_out = (encoded(pack, draw_examples(one, 10_000)["x"]) for one in splits)
    drawn = {"law": of_law(known, CODES), "box": of_box(known, CODES)}
    every = torch.cat(list(drawn.values()))
    unit = nearest(held_out, known).median()
    within = regions(every, nearest(every, known) / unit)
    figures = {f"codes.{name}": float(len(codes)) for name, codes in within.items()}
    for name, codes in {"held_out": held_out, **drawn, **within}.items():
        if len(codes) >= FEWEST:
            decoded = pack.call("decode", {}, codes)
            figures[f"precision.{name}"] = evaluator.evaluate(decoded, ("precision",))[0][
                "precision"
            ]
    return figures


def parser() -> argparse.ArgumentParser:
    return trial_parser(__doc__)


if __name__ == "__main__":
    print_figures("code_regions", parser(), measured)
