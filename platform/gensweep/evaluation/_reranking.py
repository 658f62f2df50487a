"""Draws several candidates for each sample and keeps the one that the classifier prefers.

As DALL-E chooses by CLIP (arXiv:2102.12092, section 2.3), with the data set's own classifier: no
model sees it. N samples, K candidates of each.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.evaluation._given_values import LABEL, given_values
from gensweep.evaluation._held_out_examples import condition_classes
from gensweep.evaluation._pictured_lane import PicturedLane, Sheet
from gensweep.evaluation._reference import load_feature_net
from gensweep.evaluation._sampling import open_lane
from gensweep.metrics import FeatureNet
from gensweep.storage import ObjectStore

if TYPE_CHECKING:
    import numpy.typing as npt

MOST = (1, 2, 4, 8, 16, 32)
"""Candidates of which a picture shows the best."""
NO_CLASS = "candidates are ranked by their class, which is not known here: give y."


class Ranking(NamedTuple):
    """The number of candidates of each sample, and where the classifier that ranks them is."""

    candidates: int
    store: ObjectStore


def log_probabilities(
    classify: Callable[[Tensor], Tensor], images: Tensor, classes: Tensor
) -> Tensor:
    """Return log p(class | image) [N, K] of candidates [N * K, ...], those of a sample in turn."""
    each = classes.repeat_interleave(len(images) // len(classes))
    found = classify(images).log_softmax(1).gather(1, each[:, None])
    return found.reshape(len(classes), -1)


def sample_reranked(
    weights: str, about: Mapping[str, Any], n: int, ranking: Ranking,
    values: Mapping[str, Any] | None = None, seed: int = 0,
    examples: Mapping[str, Tensor] | None = None,
) -> "npt.NDArray[Any]":  # fmt: skip
    """Draw `n` samples `[n, *shape]`, each the likeliest of its class among its candidates.

    Other arguments are those of `sample_lane`. The class is that which samples are given, or, where
    they are given a text, `y` of `values` or of `examples`. `UserError` where there is none.
    """
    from gensweep.data import load_dataset

    names, told = about["given"], dict(values or {})
    own = told if LABEL in names else {LABEL: told.pop(LABEL)} if LABEL in told else {}
    pack = open_lane(weights, about, told)
    train = load_dataset(about["dataset"], ranking.store, split="train")
    net, candidates = load_feature_net(ranking.store, train), ranking.candidates
    known = LABEL in names or own or LABEL in (examples or {})
    if not names or not isinstance(net, FeatureNet) or not known:
        raise UserError(NO_CLASS)
    given = cast(dict[str, Tensor], given_values(names, pack.data, told, n, seed, examples))
    labels = given | cast(
        dict[str, Tensor], given_values([LABEL], pack.data, own, n, seed, examples)
    )
    each = {name: one.repeat_interleave(candidates, 0) for name, one in given.items()}
    drawn = pack.sample(n * candidates, seed=seed, given=each)[0]
    with torch.no_grad():
        best = log_probabilities(net, drawn, labels[LABEL]).argmax(1)
    kept: npt.NDArray[Any] = drawn[torch.arange(n) * candidates + best].numpy()
    return kept


def reranked(lane: PicturedLane) -> Sheet:
    """A row for each class or text: the best of more and more candidates (figure 6 there)."""
    classes = condition_classes(lane.pack.game, lane.examples, lane.rows)
    if classes is None:
        raise UserError(NO_CLASS)
    given = lane.given(torch.arange(lane.rows).repeat_interleave(MOST[-1]))
    drawn = lane.pack.sample(lane.rows * MOST[-1], seed=lane.seed, given=given)[0]
    scores = log_probabilities(lane.classify, drawn, classes)
    best = torch.stack([scores[:, :most].argmax(1) for most in MOST], 1)
    rows = torch.arange(lane.rows)[:, None] * MOST[-1] + best
    return Sheet(drawn[rows.flatten()], len(MOST), ", ".join(map(str, MOST)))
