"""What a trained entry of the catalogue draws, as `gensweep sample --what` would of a sweep's best.

    python tests/benchmarks/entry_picture.py WHAT FILE.png NAME [--preset] [--data digits]
        [--images 300000] [--set FIELD=VALUE ...] [--threads 1]

Trains one trial, of seed 0, as `entry_quality.py` does, measures nothing, and prints what the
picture shows.
"""

import argparse
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import torch
from entry_quality import add_trial, asked, trained

from gensweep.data import load_dataset
from gensweep.evaluation import picture_lane, sampler_spec
from gensweep.known_pictures import PICTURES, offered_pictures
from gensweep.storage import open_store


def main(args: argparse.Namespace) -> str:
    """Write the picture, and return what it shows."""
    sweep, values, images = asked(args)
    config = sweep.model.config(**values)
    if not args.file.parent.is_dir():
        sys.exit(f"{args.file} has no folder: make {args.file.parent} first.")
    with tempfile.TemporaryDirectory() as folder:
        store, file = open_store(Path(folder).as_uri()), Path(folder) / "lane.safetensors"
        data = load_dataset(args.data, store, split="train")
        offered = offered_pictures(sweep.model.game(config, data), data, config)
        if args.what not in offered:
            sys.exit(f"{args.name} of {args.data} offers no {args.what}, but {', '.join(offered)}.")
        file.write_bytes(trained(sweep.model, data, config, images, [0]).take(0).to_bytes())
        about = {**sampler_spec(sweep, {}, data), "pack": asdict(config)}
        shows, png = picture_lane(str(file), about, args.what, store, PICTURES[args.what].count)
    args.file.write_bytes(png)
    return shows


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("what", choices=tuple(PICTURES), metavar="WHAT")
    made.add_argument("file", type=Path, metavar="FILE.png")
    add_trial(made)
    return made


if __name__ == "__main__":
    given = parser().parse_args()
    torch.set_num_threads(given.threads)
    print(main(given))
