"""What does a choice among candidates by the classifier bring? Judged by another classifier.

    python tests/benchmarks/reranking.py NAME [--preset] [--data digits] [--images 300000]
        [--set FIELD=VALUE ...] [--threads 1]

Trains one trial of a model that is given classes, of seed 0, as `entry_quality.py` does, draws
candidates of as many samples of each class, and keeps the likeliest of its class as `gensweep
sample --rerank` does. `ranking.K` is the share of those kept in which the classifier that ranks
sees the class, `independent.K` that of a classifier trained on the held-out examples alone, which
agrees with `independent.examples` of the training examples' labels.
"""

import argparse
import sys
from typing import cast

import torch
from entry_quality import asked, print_figures, trained, trial_parser

from gensweep.data import load_dataset
from gensweep.evaluation import draw_examples, load_feature_net
from gensweep.evaluation._reranking import log_probabilities
from gensweep.metrics import FeatureNet, train_classifier
from gensweep.storage import ObjectStore

SAMPLES, MOST = 500, (1, 2, 4, 8, 16)
"""Samples in all, and numbers of candidates of each."""


def agreement(net: FeatureNet, images: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of images of which the classifier sees the class."""
    with torch.no_grad():
        return float((net(images).argmax(1) == y).double().mean())


def measured(args: argparse.Namespace, store: ObjectStore) -> dict[str, float]:
    """Train, draw, rank, and judge."""
    sweep, values, images = asked(args)
    train, test = (load_dataset(args.data, store, split=split) for split in ("train", "test"))
    config = sweep.model.config(**values)
    if tuple(getattr(sweep.model.game(config, train), "given", ())) != ("y",):
        sys.exit(f"{args.name} of {args.data} is not given a class: take dalle or another that is.")
    pack = trained(sweep.model, train, config, images, [0])
    known, held_out = (draw_examples(split, 10_000) for split in (train, test))
    ranking = cast(FeatureNet, load_feature_net(store, train))
    independent = train_classifier(held_out["x"], held_out["y"], train.classes)
    y = torch.arange(SAMPLES) % train.classes
    drawn = pack.sample(SAMPLES * MOST[-1], given={"y": y.repeat_interleave(MOST[-1])})[0]
    with torch.no_grad():
        scores = log_probabilities(ranking, drawn, y)
    candidates = drawn.unflatten(0, (SAMPLES, -1))
    figures = {"independent.examples": agreement(independent, known["x"], known["y"])}
    for most in MOST:
        kept = candidates[torch.arange(SAMPLES), scores[:, :most].argmax(1)]
        for name, net in {"ranking": ranking, "independent": independent}.items():
            figures[f"{name}.{most}"] = agreement(net, kept, y)
    return figures


def parser() -> argparse.ArgumentParser:
    return trial_parser(__doc__)


if __name__ == "__main__":
    print_figures("reranking", parser(), measured)
