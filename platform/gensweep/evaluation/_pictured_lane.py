"""A trained trial that pictures are drawn of, with the examples and the classifier for them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor

from gensweep.evaluation._copied_examples import Neighbours, nearest_examples
from gensweep.evaluation._given_values import LABEL, given_values
from gensweep.evaluation._held_out_examples import Columns, conditions
from gensweep.evaluation._reference import draw_examples, load_feature_net
from gensweep.game import Game
from gensweep.known_pictures import is_image
from gensweep.lanes import Pack
from gensweep.metrics import FeatureNet
from gensweep.storage import ObjectStore

if TYPE_CHECKING:
    from gensweep.data import Dataset

COLUMNS = 8
"""Images in a row."""
DOTS = 100
"""Points along a curve, which is to points what a row is to images."""
Splits = tuple["Dataset", "Dataset | None"]
"""The training and the test split."""


class Sheet(NamedTuple):
    """The images, or points, of a picture, row by row."""

    samples: Tensor
    columns: int = COLUMNS
    detail: str = ""
    """What the words that all pictures of a kind have leave open."""
    examples: Tensor | None = None
    """Points beside samples."""
    surface: Tensor | None = None
    """Values [S, S] below points."""


@dataclass(frozen=True, kw_only=True)
class PicturedLane:
    """A trained trial, alone in its pack, and what pictures of it are made with."""

    pack: Pack

    examples: Columns
    """Held-out ones, `count` or fewer."""

    count: int
    """The number of examples or of samples in a picture."""

    classify: Callable[[Tensor], Tensor]
    """Logits [N, classes] of images [N, C, H, W], where the data have classes."""

    neighbours: Callable[[Tensor], Neighbours] | None = None
    """The training examples nearest to images [N, C, H, W]; None where none are at hand."""

    seed: int = 0

    modes: Tensor | None = None
    """`[K, 2]` of a mixture of points; None: images."""

    @classmethod
    def of(
        cls, pack: Pack, splits: Splits, store: ObjectStore, count: int, seed: int = 0,
        values: Mapping[str, Any] | None = None,
    ) -> "PicturedLane":  # fmt: skip
        """Draw examples, and take what is conditioned on from `values` where they have it."""
        train, test = splits
        examples = draw_examples(test if test is not None and test.count else train, count)
        number = len(examples["x"])
        for name in getattr(pack.game, "given", ()):
            if name in (values or {}):
                examples |= given_values([name], pack.data, values or {}, number, seed) or {}
                if name != LABEL:
                    examples.pop(LABEL, None)  # those of examples, not of what is asked for
        return cls(
            pack=pack, examples=examples, count=count, seed=seed, modes=train.modes,
            classify=lambda images: _logits(store, train, images),
            neighbours=lambda images: nearest_examples(
                store, load_feature_net(store, train), train, test, images
            ),
        )  # fmt: skip

    @property
    def columns(self) -> int:
        """Number of samples in a row, or along a curve of points."""
        return COLUMNS if is_image(self.pack.data) else DOTS

    @property
    def rows(self) -> int:
        """Number of rows that `count` images take."""
        return ceil(self.count / COLUMNS)

    def given(self, rows: Tensor) -> dict[str, Tensor] | None:
        """Take what samples are conditioned on, the same for those of a row [N]."""
        found = conditions(self.pack.game, self.examples, int(rows.max()) + 1)
        return found and {name: one[rows] for name, one in found.items()}


def in_turn(*images: Tensor, detail: str = "") -> Sheet:
    """Lay out rows of the first images, the second, and so on; the next rows after them."""
    bands = zip(*(torch.split(each, COLUMNS) for each in images), strict=True)
    return Sheet(torch.cat([_filled(row) for band in bands for row in band]), detail=detail)


def _filled(row: Tensor) -> Tensor:
    """Fill a row up to `COLUMNS` with white images."""
    return torch.cat([row, row.new_ones(COLUMNS - len(row), *row.shape[1:])])


def own_game(pack: Pack) -> Game:
    """Build the game of the only trial of a pack, unpadded."""
    return pack.model.game(pack.lane(0).config, pack.data)


def _logits(store: ObjectStore, train: "Dataset", images: Tensor) -> Tensor:
    net = cast(FeatureNet, load_feature_net(store, train))
    with torch.no_grad():
        logits: Tensor = net(images)
    return logits
