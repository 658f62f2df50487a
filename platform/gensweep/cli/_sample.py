"""`gensweep sample NAME`: draws from a sweep's best trial."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from gensweep.cli._check import setting


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "sample", help="draw from a sweep's best trial",
        description="Draw from the model that a sweep registered, and write a picture (.png), or "
        "the numbers (.npy).",
    )  # fmt: skip
    parser.add_argument("name", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--count", type=int, default=64, help="how many (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="of the samples (default 0)")
    parser.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE",
                        dest="values", help="a sampling hyperparameter, or what samples are "
                        "conditioned on: y=7; may be given several times")  # fmt: skip
    parser.add_argument("--what", default="samples",
                        choices=("samples", "reconstructions", "interpolations"),
                        help="samples, or held-out examples beside their reconstructions, or ways "
                        "between two examples (default samples)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="where to (default NAME-samples.png, and so on)")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.stack_env import apply_env, required_env
    from gensweep.tracking import fetch_sampler

    out = args.out or Path(f"{args.name}-{args.what}.png")
    if args.count < 1:
        raise UserError(f"--count {args.count} must be 1 or more.")
    if out.suffix not in (".png", ".npy") or (out.suffix == ".npy" and args.what != "samples"):
        raise UserError(f"--out {out} ends in {out.suffix!r}: write .png, or .npy for samples.")
    apply_env()
    with tempfile.TemporaryDirectory() as folder:
        found = fetch_sampler(required_env("MLFLOW_TRACKING_URI"), args.name, Path(folder))
        data = _draw(args, str(found.weights), found.about, out.suffix)
    out.write_bytes(data)
    print(out)
    return 0


def _draw(args: argparse.Namespace, weights: str, about: dict[str, Any], suffix: str) -> bytes:
    """Return the file's contents."""
    import io

    import numpy as np
    import torch

    from gensweep.data import load_dataset
    from gensweep.evaluation import grid_png, picture_lane, sample_lane
    from gensweep.stack_env import required_env
    from gensweep.storage import open_store

    if args.what != "samples":
        store = open_store(required_env("GENSWEEP_STORE"))
        dataset = load_dataset(about["dataset"], store, split="test")
        return picture_lane(weights, about, args.what, dataset, args.count)
    samples = sample_lane(weights, about, args.count, dict(args.values), args.seed)
    if suffix == ".png":
        return grid_png(torch.from_numpy(samples))
    buffer = io.BytesIO()
    np.save(buffer, samples)
    return buffer.getvalue()
