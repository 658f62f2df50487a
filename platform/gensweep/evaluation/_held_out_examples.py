"""Chooses the examples that likelihoods, scores and conditions of samples are taken from."""

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from gensweep.metrics import draw

EXAMPLES = 500
"""That trials are ranked by."""
BATCH = 50

Columns = Mapping[str, Tensor]
"""Columns of examples by name, each [N, ...]; x is among them."""


def for_ranking(examples: Columns, *, rest: bool = False) -> Columns:
    """Take `EXAMPLES` or half of them at random, the same every time; or all the others if `rest`.

    The best of many trials is best by luck too: it is measured again on the rest.
    """
    count = len(examples["x"])
    ranking = min(EXAMPLES, -(-count // 2))
    order = draw(count, count)
    chosen = order[ranking:] if rest else order[:ranking]
    return {name: values[chosen] for name, values in examples.items()}


def batches(examples: Columns) -> Iterator[dict[str, Tensor]]:
    """Yield the examples, `BATCH` at a time."""
    for start in range(0, len(examples["x"]), BATCH):
        yield {name: values[start : start + BATCH] for name, values in examples.items()}


def given_of(game: object, columns: Columns) -> dict[str, Tensor] | None:
    """Take the columns that the game's samples are conditioned on; None: they are not."""
    names = getattr(game, "given", ())
    return {name: columns[name] for name in names} or None


def conditions(game: object, examples: Columns, count: int) -> dict[str, Tensor] | None:
    """Take what `count` samples of a trial are conditioned on, from held-out examples.

    In a random order that is the same for every trial, from the beginning again if there are fewer.
    """
    available = len(examples["x"])
    order = draw(available, available)
    rows = order[torch.arange(count) % available]
    names = getattr(game, "given", ())
    return {name: examples[name][rows] for name in names} or None
