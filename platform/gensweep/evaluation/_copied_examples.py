"""Finds what samples may be copies of: training examples, held as features in the store."""

import logging
from typing import TYPE_CHECKING, NamedTuple

import torch
from safetensors.torch import load, save

from gensweep.errors import refuse_unreadable
from gensweep.evaluation._held_out_examples import REFERENCE
from gensweep.metrics import (
    AnyFeatures,
    CopyTest,
    FileFeatures,
    draw,
    feature_batches,
    nearest_places,
)
from gensweep.storage import ObjectStore

if TYPE_CHECKING:
    from gensweep.data import Dataset

SEARCHED = 60_000
"""Training examples that are searched, at most."""
BOUND = 2_000
"""Held-out examples that tell how near to a training example is natural."""
EXAMPLES = "examples"
"""How the features of training examples are named in the store."""
AT_ONCE = 5_000
"""Examples whose features are computed before others are read."""

_log = logging.getLogger(__name__)


def copy_test(
    store: ObjectStore, net: AnyFeatures, train: "Dataset", test: "Dataset",
    feature_input: str | None = None,
) -> CopyTest:  # fmt: skip
    """Prepare the search for copies of at most `SEARCHED` training examples, held as features."""
    # A network of a file gives other features of another input; ours has but one.
    given = f"-{feature_input}" if isinstance(net, FileFeatures) else ""
    places = draw(test.count, REFERENCE).sort().values
    unseen = places[draw(len(places), BOUND)]
    return CopyTest(
        _kept_features(store, net, train, _searched(train), f"{EXAMPLES}{given}"),
        _kept_features(store, net, test, unseen, f"held-out{given}"),
    )


def _searched(train: "Dataset") -> torch.Tensor:
    return draw(train.count, SEARCHED).sort().values


class Neighbours(NamedTuple):
    """The training examples that are nearest to samples."""

    examples: torch.Tensor
    """One of each sample, [N, ...]."""
    copies: int | None
    """How many samples are as near as a copy is; None where no held-out example tells that."""


def nearest_examples(
    store: ObjectStore, net: AnyFeatures, train: "Dataset", test: "Dataset | None",
    samples: torch.Tensor,
) -> Neighbours:  # fmt: skip
    """Find the nearest training example of each of samples [N, ...], in features of `net`.

    Of those that are searched for copies, as a copy is told.
    """
    rows, features = _searched(train), feature_batches(net, samples)
    places = nearest_places(_kept_features(store, net, train, rows, EXAMPLES), features)
    examples = train.source("cpu").gather(rows[places])["x"]
    if test is None or not test.count:
        return Neighbours(examples, None)
    return Neighbours(examples, int(copy_test(store, net, train, test).near(features).sum()))


def copy_examples(train: "Dataset", test: "Dataset | None") -> int:
    """Count the examples whose features the search for copies needs; none without a test split."""
    return min(train.count, SEARCHED) + min(test.count, BOUND) if test and test.count else 0


def _kept_features(
    store: ObjectStore, net: AnyFeatures, dataset: "Dataset", rows: torch.Tensor, name: str
) -> torch.Tensor:
    """Return the features of the examples in `rows`, computed once, then read from the store.

    By our network that takes seconds of 60,000 images, by a file's hours of a CPU.
    """
    key = f"features/{dataset.name}-{dataset.hash[:16]}-{name}-{net.hash[:16]}.safetensors"
    if not store.exists(key):
        _log.info("computing features of %s examples of %s (once)", f"{len(rows):,}", dataset.name)
        source = dataset.source("cpu")
        parts = torch.split(rows, AT_ONCE)
        found = [feature_batches(net, source.gather(part)["x"]) for part in parts]
        store.put(key, save({"features": torch.cat(found)}))
    with refuse_unreadable(f"{store.uri}/{key}", "delete it: it is made again"):
        kept: torch.Tensor = load(store.get(key))["features"]
    return kept
