"""Trains the features of a perceptual loss: a classifier that is not the one that judges."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.evaluation._held_out_examples import REFERENCE
from gensweep.evaluation._reference import CLASSIFIER, draw_examples
from gensweep.known_pictures import is_classified
from gensweep.metrics import train_classifier

if TYPE_CHECKING:
    from gensweep.data import Dataset

HEAD = "head."
"""Before the names of weights that tell classes, which no loss of features needs."""


def train_features(
    train: "Dataset", test: "Dataset | None", seed: int, log: Callable[[str], None]
) -> tuple[dict[str, Tensor], float]:
    """Return the weights below a classifier's last layer, and its accuracy on held-out examples.

    `seed` is of its weights and of the order of examples; `log` gets lines as training goes on. The
    accuracy is NaN without held-out examples. `UserError` for data that are no images, or of fewer
    than two classes.
    """
    if not is_classified(train) or train.stacked:
        what = f"{train.shape} and {train.classes} classes"
        raise UserError(f"{train.name} has {what}: take images of two classes or more.")
    examples = draw_examples(train, CLASSIFIER)
    net = train_classifier(examples["x"], examples["y"], train.classes, seed=seed, log=log)
    weights = {name: one for name, one in net.state_dict().items() if not name.startswith(HEAD)}
    if test is None or not test.count:
        return weights, float("nan")
    held_out = draw_examples(test, REFERENCE)
    with torch.no_grad():
        right = net(held_out["x"]).argmax(1) == held_out["y"]
    return weights, float(right.double().mean())
