"""`gensweep features DATA`: writes what a perceptual loss sees of a data set."""

import argparse
import logging
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "features", help="train the features of a perceptual loss",
        description="Train a classifier of a data set's images and write its weights, for models "
        "with features=classifier. It is like the one that judges samples, but of another seed, "
        "so that no model learns to please its judge.",
    )  # fmt: skip
    parser.add_argument("data", metavar="DATA", help="a data set, as `--data` of a sweep takes it")
    parser.add_argument("--image-size", type=int, help="as of the sweep")
    parser.add_argument("--seed", type=int, default=1, help="of the classifier (default 1)")
    parser.add_argument("--out", type=Path, metavar="FILE", default=Path("features.safetensors"),
                        help="where to (default features.safetensors)")  # fmt: skip
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.stack_env import apply_env, required_env

    if not 1 <= args.seed < 2**32:
        raise UserError(f"--seed {args.seed} must be 1 or more, and below 2**32: 0 is the seed of "
                        "what judges.")  # fmt: skip
    if args.out.suffix != ".safetensors":
        raise UserError(f"--out {args.out} must end in .safetensors.")
    if not args.out.absolute().parent.is_dir():
        raise UserError(f"--out {args.out}: there is no folder {args.out.parent}: make it first.")
    if args.out.exists():
        raise UserError(f"--out {args.out} exists, and sweeps may use it: take another name.")
    apply_env()
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from gensweep.data import load_dataset
    from gensweep.evaluation import train_features
    from gensweep.log import ROOT, configure_logging
    from gensweep.storage import open_store

    configure_logging()
    store = open_store(required_env("GENSWEEP_STORE"))
    train = load_dataset(args.data, store, image_size=args.image_size)
    test = load_dataset(train.id, store, split="test") if train.modes is None else None
    weights, accuracy = train_features(train, test, args.seed, logging.getLogger(ROOT).info)
    try:
        save_file(weights, args.out)
    except (OSError, SafetensorError) as error:
        raise UserError(f"--out {args.out} cannot be written: {error}.") from error
    told = f"; it tells {accuracy:.1%} of held-out examples right" if test and test.count else ""
    print(f"{args.out}: classifier of {train.name}{told}")
    return 0
