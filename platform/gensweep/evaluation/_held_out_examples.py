"""Chooses the examples that likelihoods, scores and conditions of samples are taken from."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from gensweep.game_capabilities import capability_noise
from gensweep.lanes import Pack
from gensweep.metrics import draw

REFERENCE = 10_000
"""Examples that samples are held against, at most."""
EXAMPLES = 500
"""That trials are ranked by."""
BATCH = 50

Columns = Mapping[str, Tensor]
"""Columns of examples by name, each [N, ...]; x is among them."""


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Measures lanes on the same held-out examples for every trial."""

    split: str
    examples: Columns
    """Columns `[N, ...]`, images in the model's range."""

    available: int
    """Examples of the split, of which these were drawn."""

    @property
    def origin(self) -> dict[str, object]:
        """The statement of where the examples come from, as JSON."""
        drawn = len(self.examples["x"])
        return {"split": self.split, "examples": drawn, "drawn_from": self.available, "seed": 0}

    def to(self, device: torch.device | str) -> Self:
        """Return the same for a pack on `device`."""
        return replace(self, examples={n: t.to(device) for n, t in self.examples.items()})

    def call(
        self, pack: Pack, slots: list[int], name: str, key: str | None,
        samples: int | None = None, *, slopes: bool = False,
    ) -> list[Any]:  # fmt: skip
        """Call a capability of the lanes in `slots` for a batch of examples after the other.

        It gets the column `key`, or all of them: None. `slopes` are as of `Pack.call`.
        """
        found = []
        for index, batch in enumerate(batches(self.examples)):
            noise = capability_noise(pack.game, name, len(batch["x"]), samples)
            given = given_of(pack.game, batch)
            inputs = batch if key is None else batch[key]
            found.append(pack.call(name, noise, inputs, seed=index, slots=slots, given=given,
                                   slopes=slopes))  # fmt: skip
        return found


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """Return the mean of values [N], and its standard error."""
    return float(values.mean()), float(values.std() / math.sqrt(len(values)))


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


def draw_anew(modes: Tensor, std: float) -> dict[str, Tensor]:
    """Draw points that no training saw of a mixture of equally likely round Gaussians.

    `modes` [K, 2] are their centres. The points, `2 * EXAMPLES` of them, are the same every time.
    """
    generator = torch.Generator().manual_seed(0)
    centres = modes[torch.randint(len(modes), (2 * EXAMPLES,), generator=generator)]
    return {"x": centres + std * torch.randn(centres.shape, generator=generator)}


def given_of(game: object, columns: Columns) -> dict[str, Tensor] | None:
    """Take the columns that the game's samples are conditioned on; None: they are not."""
    names = getattr(game, "given", ())
    return {name: columns[name] for name in names} or None


def conditions(game: object, examples: Columns, count: int) -> dict[str, Tensor] | None:
    """Take what `count` samples of a trial are conditioned on, from held-out examples.

    In a random order that is the same for every trial, from the beginning again if there are fewer.
    """
    rows = _condition_rows(examples, count)
    names = getattr(game, "given", ())
    return {name: examples[name][rows] for name in names} or None


def condition_classes(game: object, examples: Columns, count: int) -> Tensor | None:
    """Take the classes of the examples that `conditions` are of, whichever columns those are."""
    if not getattr(game, "given", ()) or "y" not in examples:
        return None
    return examples["y"][_condition_rows(examples, count)]


def _condition_rows(examples: Columns, count: int) -> Tensor:
    available = len(examples["x"])
    order = draw(available, available)
    rows: Tensor = order[torch.arange(count) % available]
    return rows
