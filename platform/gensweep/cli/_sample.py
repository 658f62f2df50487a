"""`gensweep sample NAME`: draws from a sweep's best trial."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from gensweep.cli._check import setting
from gensweep.cli._json_answer import add_json, print_answer
from gensweep.known_pictures import PICTURES

ENDINGS = {"samples": (".png", ".npy"), "codes": (".npy",)} | dict.fromkeys(PICTURES, (".png",))
"""Of the files that each can be written to; the first is the usual one."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "sample", help="draw from a sweep's best trial",
        description="Draw from the model that a sweep registered, and write a picture (.png), or "
        "the numbers (.npy).",
    )  # fmt: skip
    parser.add_argument("name", metavar="NAME", help="the sweep's name; `gensweep list` shows them")
    parser.add_argument("--count", type=int,
                        help="how many (default 64; each picture has its own)")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="of the samples (default 0)")
    parser.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE",
                        dest="values", help="a sampling hyperparameter, or what samples are "
                        "conditioned on: y=7; may be given several times")  # fmt: skip
    parser.add_argument("--rerank", type=int, default=1, metavar="K",
                        help="draw K for each sample, and keep that one which the data set's "
                        "classifier finds likeliest of its class (default 1)")  # fmt: skip
    parser.add_argument("--what", default="samples",
                        choices=tuple(ENDINGS), metavar="WHAT",
                        help="samples (default); codes of held-out examples, as numbers; or a "
                        "picture that the model offers. " + "; ".join(
                            f"{kind}: {one.shows}" for kind, one in PICTURES.items()))  # fmt: skip
    parser.add_argument("--out", type=Path, metavar="FILE",
                        help="where to (default NAME-samples.png, and so on)")  # fmt: skip
    add_json(parser, "the file, what it shows, and the registered model that drew it")
    parser.set_defaults(run=run)


def usual_count(what: str) -> int:
    """Return how many samples or examples are drawn where nobody says it."""
    return PICTURES[what].count if what in PICTURES else 64


def run(args: argparse.Namespace) -> int:
    from gensweep.errors import UserError
    from gensweep.spec import check_seed
    from gensweep.stack_env import apply_env, required_env
    from gensweep.tracking import fetch_sampler

    out = args.out or Path(f"{args.name}-{args.what}{ENDINGS[args.what][0]}")
    args.count = args.count if args.count is not None else usual_count(args.what)
    for name, most in (("count", 1_000_000), ("rerank", 10_000)):
        if not 1 <= getattr(args, name) <= most:
            raise UserError(f"--{name} {getattr(args, name)} must be 1 or more, up to {most:,}.")
    check_seed(args.seed)
    if args.rerank > 1 and args.what != "samples":
        raise UserError(f"--rerank is of samples: leave it out, or --what {args.what}.")
    if out.suffix not in ENDINGS[args.what]:
        known = " or ".join(ENDINGS[args.what])
        raise UserError(f"--out {out} ends in {out.suffix!r}: {args.what} are written as {known}.")
    apply_env()
    _check_sweep(args.name)
    with tempfile.TemporaryDirectory() as folder:
        found = fetch_sampler(required_env("MLFLOW_TRACKING_URI"), args.name, Path(folder))
        shows, data = _draw(args, str(found.weights), found.about, out.suffix)
    out.write_bytes(data)
    told = {"sweep": args.name, "model": found.uri, "what": args.what, "count": args.count,
            "seed": args.seed, "set": dict(args.values), "rerank": args.rerank,
            "shows": shows, "file": str(out)}  # fmt: skip
    print_answer(args, told, str(out))
    if shows and not args.json:
        print(shows, file=sys.stderr)
    return 0


def _draw(
    args: argparse.Namespace, weights: str, about: dict[str, Any], suffix: str
) -> tuple[str, bytes]:
    """Return what the file shows, where its name does not say it, and its contents."""
    import io

    import numpy as np
    import torch

    from gensweep.evaluation import encode_lane, grid_png, picture_lane
    from gensweep.stack_env import required_env
    from gensweep.storage import open_store

    values = dict(args.values)
    if args.what == "samples":
        numbers = _draw_samples(args, weights, about, values)
    else:
        store = open_store(required_env("GENSWEEP_STORE"))
        if args.what != "codes":
            return picture_lane(weights, about, args.what, store, args.count, values, args.seed)
        numbers = encode_lane(weights, about, store, args.count, values)
    if suffix == ".png":
        return "", grid_png(torch.from_numpy(numbers))
    buffer = io.BytesIO()
    np.save(buffer, numbers)
    return "", buffer.getvalue()


def _draw_samples(
    args: argparse.Namespace, weights: str, about: dict[str, Any], values: dict[str, Any]
) -> Any:
    """Draw samples [count, *shape], the best of several candidates each if that is asked."""
    from gensweep.data import load_dataset
    from gensweep.evaluation import Ranking, draw_examples, sample_lane, sample_reranked
    from gensweep.stack_env import required_env
    from gensweep.storage import open_store

    # A class is drawn by its share: only what nobody can type is taken from held-out examples.
    asked = [name for name in about.get("given", ()) if name not in values and name != "y"]
    if not asked and args.rerank == 1:
        return sample_lane(weights, about, args.count, values, args.seed)
    store, examples = open_store(required_env("GENSWEEP_STORE")), None
    if asked:
        examples = draw_examples(load_dataset(about["dataset"], store, split="test"), args.count)
    if args.rerank == 1:
        return sample_lane(weights, about, args.count, values, args.seed, examples)
    ranking = Ranking(args.rerank, store)
    return sample_reranked(weights, about, args.count, ranking, values, args.seed, examples)


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
