"""Measures trained lanes on held-out examples by a game's own scores, one number an example."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gensweep.evaluation._held_out_examples import Columns, batches, for_ranking, given_of
from gensweep.game import capabilities
from gensweep.lanes import Pack

ERROR = "_standard_error"
"""After the name of a score: its standard error over the examples."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The means of a game's `scores` over the same held-out examples for every trial."""

    names: tuple[str, ...]
    """What `scores` gives, by the game's `score_names`."""

    split: str
    examples: Columns
    """Columns `[N, ...]` of the examples."""

    available: int
    """Examples of the split, of which these were drawn."""

    @classmethod
    def of_game(
        cls, game: object, examples: Columns, split: str, *, rest: bool = False
    ) -> "Scores | None":
        """Take the examples that trials are ranked by, or all the others if `rest`.

        None if the game has no `scores`.
        """
        if "scores" not in capabilities(game):
            return None
        names: tuple[str, ...] = tuple(getattr(game, "score_names", ()))
        chosen = for_ranking(examples, rest=rest)
        return cls(names=names, split=split, examples=chosen, available=len(examples["x"]))

    @property
    def metrics(self) -> frozenset[str]:
        """Names of what `measure` gives."""
        return frozenset(self.names) | {name + ERROR for name in self.names}

    @property
    def protocol(self) -> dict[str, object]:
        """The statement of how the scores were made, as JSON."""
        return {
            "names": list(self.names), "split": self.split, "examples": len(self.examples["x"]),
            "drawn_from": self.available, "seed": 0,
        }  # fmt: skip

    def to(self, device: torch.device | str) -> "Scores":
        """Return the same for a pack on `device`."""
        return replace(self, examples={n: t.to(device) for n, t in self.examples.items()})

    def measure(self, pack: Pack, slots: list[int]) -> list[dict[str, float]]:
        """Measure the lanes in `slots`: the mean of each score, and its standard error."""
        game: Any = pack.game
        parts: list[Mapping[str, Tensor]] = []
        for index, batch in enumerate(batches(self.examples)):
            noise = game.scores_noise(len(batch["x"]))
            given = given_of(game, batch)
            parts.append(pack.call("scores", noise, batch, seed=index, slots=slots, given=given))
        found = {n: torch.cat([part[n] for part in parts], 1).double() for n in self.names}
        return [{k: v for n in self.names for k, v in _figures(n, found[n][lane])}
                for lane in range(len(slots))]  # fmt: skip


def _figures(name: str, values: Tensor) -> list[tuple[str, float]]:
    error = values.std() / math.sqrt(len(values))
    return [(name, float(values.mean())), (name + ERROR, float(error))]
