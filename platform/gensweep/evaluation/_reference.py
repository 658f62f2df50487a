"""Builds what all trials of a sweep are judged against, the same for the same data and seed."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from gensweep.errors import UserError, refuse_unreadable
from gensweep.evaluation._copied_examples import copy_test
from gensweep.evaluation._critic_measures import CriticMeasures
from gensweep.evaluation._feature_file import load_file_features
from gensweep.evaluation._held_out_examples import (
    REFERENCE,
    Columns,
    condition_classes,
    conditions,
    draw_anew,
)
from gensweep.evaluation._lane_evaluator import LaneEvaluator, sample_grid
from gensweep.evaluation._lane_likelihood import Likelihood
from gensweep.evaluation._lane_scores import Scores
from gensweep.known_pictures import is_classified
from gensweep.metrics import (
    AnyFeatures,
    Evaluator,
    FeatureNet,
    Projection,
    StackedNet,
    draw,
    train_classifier,
)
from gensweep.spec import Sweep
from gensweep.storage import ObjectStore

if TYPE_CHECKING:
    from gensweep.data import Dataset

CLASSIFIER = 60_000
"""Training examples of the classifier."""
POINTS = 2500
"""Samples of a mixture of points, as in PacGAN (arXiv:1712.04086)."""
STACKED = 26_000
"""At least so many samples of stacked images, as there, too."""

_log = logging.getLogger(__name__)


def draw_examples(dataset: "Dataset", limit: int) -> dict[str, torch.Tensor]:
    """Draw at most `limit` examples as training sees them: x in [-1, 1], y if labelled, columns.

    By a fixed seed, and not the first ones, for files often come sorted by class.
    """
    indices = draw(dataset.count, limit).sort().values
    return dict(dataset.source("cpu").gather(indices))


def load_feature_net(
    store: ObjectStore,
    dataset: "Dataset",
    expected_hash: str | None = None,
    log: Callable[[str], None] = _log.info,
) -> FeatureNet | Projection:
    """Return the classifier of images of two classes or more, or a projection of other data.

    Trained once, then read from the store by the data's hash. `UserError` if its own hash is not
    the `expected_hash`, with which the sweep was begun.
    """
    labelled = StackedNet if dataset.stacked else FeatureNet
    kind, name = (labelled, "classes") if is_classified(dataset) else (Projection, "components")
    key = f"features/{dataset.name}-{dataset.hash[:16]}-{name}-v1.pt"
    if not store.exists(key):
        log(f"making the feature network of {dataset.name} (once)")
        store.put(key, _make_feature_net(dataset, log).save())
    with refuse_unreadable(f"{store.uri}/{key}", "delete it: it is made again"):
        net: FeatureNet | Projection = kind.load(store.get(key))
    if expected_hash not in (None, net.hash):
        raise UserError(
            f"{store.uri}/{key} hashes to {net.hash}, the sweep was begun with {expected_hash}: "
            "bring that one back, or begin a new sweep."
        )
    return net


def _features_of(
    sweep: Sweep, store: ObjectStore, train: "Dataset", expected_hash: str | None
) -> AnyFeatures:
    if sweep.features is None:
        return load_feature_net(store, train, expected_hash)
    return load_file_features(sweep.features, sweep.feature_input, store, expected_hash)


def _make_feature_net(dataset: "Dataset", log: Callable[[str], None]) -> FeatureNet | Projection:
    if not is_classified(dataset):
        return Projection.fit(draw_examples(dataset, REFERENCE // 5)["x"])
    if dataset.stacked:
        stacked = draw_examples(dataset, CLASSIFIER // dataset.shape[0])
        return StackedNet.trained(stacked["x"], stacked["y"], dataset.classes)
    tensors = draw_examples(dataset, CLASSIFIER)
    slow = len(tensors["y"]) >= REFERENCE
    return train_classifier(
        tensors["x"], tensors["y"], dataset.classes, log=log if slow else lambda line: None
    )


def build_evaluator(
    sweep: Sweep,
    store: ObjectStore,
    train: "Dataset",
    test: "Dataset | None",
    feature_hash: str | None = None,
) -> LaneEvaluator:
    """Build the evaluator of all trials of a sweep, on the CPU.

    `test` None: the data have no test split, and the training split is held against samples.
    `feature_hash` is the hash of the feature network that the sweep's protocol states.
    """
    points = train.modes is not None
    shown = draw_examples(train, REFERENCE)
    held_out = draw_examples(test, REFERENCE) if test is not None and test.count else {}
    # a sample of a thousand classes would not tell their shares
    shares = torch.tensor(train.class_shares) if train.stacked and is_classified(train) else None
    least = STACKED if train.stacked else 0
    net = None if points else _features_of(sweep, store, train, feature_hash)
    evaluator = Evaluator.for_dataset(
        train.name, shown, held_out, modes=train.modes, mode_std=train.mode_std, net=net,
        shares=shares, samples=POINTS if points else max(least, sweep.samples),
        copies=copy_test(store, net, train, test, sweep.feature_input)
        if net and test and held_out else None,
    )  # fmt: skip
    stated = {**evaluator.protocol, "data": train.protocol}
    split, examples = ("test", held_out) if held_out else ("train", shown)
    game = sweep.model.game(sweep.config({}), train)
    return LaneEvaluator(
        evaluator=replace(evaluator, protocol=stated), data=train, modes=train.modes,
        sampling=sweep.sampling, likelihood=Likelihood.of_game(game, examples, split),
        scores=Scores.of_game(game, examples, split),
        critic=_critic_measures(game, train, shown, held_out),
        given=conditions(game, examples, evaluator.samples),
        classes=condition_classes(game, examples, evaluator.samples),
        own=sweep.metrics, real=examples["x"] if sweep.metrics else None,
        ranked_by=sweep.target,
    )  # fmt: skip


def _critic_measures(
    game: object, train: "Dataset", shown: Columns, held_out: Columns
) -> CriticMeasures | None:
    """Measure critics on what is held out; a known mixture gives as many points as are asked."""
    if train.modes is None or train.mode_std is None:
        return CriticMeasures.of_game(game, shown, held_out)
    unseen = draw_anew(train.modes, train.mode_std)
    return CriticMeasures.of_game(game, shown, unseen, "drawn anew")


def real_grid(train: "Dataset", test: "Dataset | None") -> bytes:
    """Draw held-out examples as PNG, in the way a trial's samples are drawn."""
    real = test if test is not None and test.count else train
    return sample_grid(draw_examples(real, POINTS)["x"], train.modes)
