"""`gensweep sample NAME`: draws from a sweep's best trial."""

import argparse
import tempfile
from pathlib import Path
from typing import Any

from gensweep.cli._check import setting

ENDINGS = {"samples": (".png", ".npy"), "reconstructions": (".png",),
           "interpolations": (".png",), "codes": (".npy",)}  # fmt: skip
"""Of the files that each can be written to; the first is the usual one."""


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
                        choices=("samples", "reconstructions", "interpolations", "codes"),
                        help="samples; held-out examples beside their reconstructions; ways "
                        "between two; or their codes, as numbers (default samples)")  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="where to (default NAME-samples.png, and so on)")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.stack_env import apply_env, required_env
    from gensweep.tracking import fetch_sampler

    out = args.out or Path(f"{args.name}-{args.what}{ENDINGS[args.what][0]}")
    if args.count < 1:
        raise UserError(f"--count {args.count} must be 1 or more.")
    if out.suffix not in ENDINGS[args.what]:
        known = " or ".join(ENDINGS[args.what])
        raise UserError(f"--out {out} ends in {out.suffix!r}: {args.what} are written as {known}.")
    apply_env()
    _check_sweep(args.name)
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
    from gensweep.evaluation import encode_lane, grid_png, picture_lane, sample_lane
    from gensweep.stack_env import required_env
    from gensweep.storage import open_store

    if args.what != "samples":
        store = open_store(required_env("GENSWEEP_STORE"))
        dataset = load_dataset(about["dataset"], store, split="test")
        if args.what != "codes":
            return picture_lane(weights, about, args.what, dataset, args.count)
        numbers = encode_lane(weights, about, dataset, args.count)
    else:
        numbers = sample_lane(weights, about, args.count, dict(args.values), args.seed)
    if suffix == ".png":
        return grid_png(torch.from_numpy(numbers))
    buffer = io.BytesIO()
    np.save(buffer, numbers)
    return buffer.getvalue()


def _check_sweep(name: str) -> None:
    """`UserError` unless the ledger has the sweep, and a catalogue the model that it is of."""
    from gensweep.catalog import GROUP, catalog
    from gensweep.errors import UserError
    from gensweep.results import model_of

    model = model_of(name)
    if model not in catalog():
        raise UserError(
            f"sweep {name!r} registered no model: no installed catalogue has {model!r}. An entry "
            f"point in the group {GROUP} adds it; then --resume {name} registers the best trial."
        )
