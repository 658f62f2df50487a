"""What all trials of a sweep are judged against: made once, the same for the same data and seed."""

from collections.abc import Callable
from typing import Any

import torch

from gensweep.errors import UserError
from gensweep.evaluation._lane_evaluator import LaneEvaluator, grid
from gensweep.evaluation._likelihood import Likelihood
from gensweep.metrics import Evaluator, FeatureNet, Projection, draw, train_classifier
from gensweep.spec import Sweep
from gensweep.storage import ObjectStore

REFERENCE = 10_000
"""Training examples from which class shares and projections are taken."""
CLASSIFIER = 60_000
"""Training examples of the classifier."""
POINTS = 2500
"""Samples of a mixture of points, as in PacGAN (arXiv:1712.04086)."""


def examples(dataset: Any, limit: int) -> dict[str, torch.Tensor]:
    """At most `limit` examples as training sees them: x in [-1, 1], and y if labelled.

    Drawn by a fixed seed, for files often come sorted by class.
    """
    indices = draw(dataset.count, limit).sort().values
    return dict(dataset.source("cpu").gather(indices))


def _say(line: str) -> None:
    print(line, flush=True)


def feature_net(
    store: ObjectStore,
    dataset: Any,
    told: Callable[[str], None] = _say,
    hashed: str | None = None,
) -> FeatureNet | Projection:
    """The data set's classifier, or a projection where there are no labels.

    Made once, then read from the store by the data's hash. `UserError` if it is not as `hashed`.
    """
    kind, name = (FeatureNet, "classes") if dataset.classes else (Projection, "components")
    key = f"features/{dataset.name}-{dataset.hash[:16]}-{name}-v1.pt"
    if not store.exists(key):
        told(f"making the feature network of {dataset.name} (once)")
        store.put(key, _made(dataset, told).save())
    net: FeatureNet | Projection = kind.load(store.get(key))
    if hashed not in (None, net.hash):
        raise UserError(f"{store.uri}/{key} hashes to {net.hash}, the sweep was begun with "
                        f"{hashed}: bring that one back, or begin a new sweep.")  # fmt: skip
    return net


def _made(dataset: Any, told: Callable[[str], None]) -> FeatureNet | Projection:
    if not dataset.classes:
        return Projection.fit(examples(dataset, REFERENCE // 5)["x"])
    tensors = examples(dataset, CLASSIFIER)
    slow = len(tensors["y"]) >= REFERENCE
    return train_classifier(tensors["x"], tensors["y"], dataset.classes,
                            told=told if slow else lambda line: None)  # fmt: skip


def build_evaluator(
    sweep: Sweep, store: ObjectStore, train: Any, test: Any, hashed: str | None = None
) -> LaneEvaluator:
    """The judge of all trials, on the CPU; `test` None: the data has no test split.

    `hashed` is the hash of the feature network that the sweep's protocol states.
    """
    points = train.modes is not None
    shown = examples(train, REFERENCE)
    held_out = examples(test, REFERENCE) if test is not None and test.count else {}
    evaluator = Evaluator.for_dataset(
        train.name, shown, held_out, modes=train.modes, mode_std=train.mode_std,
        net=None if points else feature_net(store, train, hashed=hashed),
        samples=POINTS if points else sweep.samples,
    )  # fmt: skip
    evaluator.protocol["data"] = train.protocol
    split, x = ("test", held_out["x"]) if held_out else ("train", shown["x"])
    game = sweep.model.game(sweep.config({}), train)
    return LaneEvaluator(
        evaluator=evaluator, data=train, modes=train.modes, truncations=sweep.truncations,
        likelihood=Likelihood.of_game(game, x, split),
    )  # fmt: skip


def real_grid(train: Any, test: Any) -> bytes:
    """PNG of held-out examples, as a trial's samples are drawn."""
    real = test if test is not None and test.count else train
    return grid(examples(real, POINTS)["x"], train.modes)
