"""Measures how likely held-out examples are to a trained lane, as a density or a bound of it."""

import math
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gensweep.evaluation._held_out_examples import Columns, batches, for_ranking, given_of
from gensweep.game import capabilities
from gensweep.known_metrics import LIKELIHOOD_METRICS
from gensweep.lanes import Pack
from gensweep.metrics import bits_per_dim

IMPORTANCE_SAMPLES, RUNG_SAMPLES = 500, 50
"""At a trial's end, and where a pruner compares trials under way: a tenth of the time."""


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """The mean of a game's `log_prob` over the same held-out examples for every trial."""

    kind: str
    """What `log_prob` is: exact, elbo or iwae."""

    of: str
    """What it is the density of, in the game's words: binarised pixels, 17 grey levels."""

    split: str
    examples: Columns
    """Columns `[N, ...]`, images in the model's range."""

    available: int
    """Examples of the split, of which these were drawn."""

    scale: float | None = None
    """Grey levels for each unit of the data, where the density is over grey levels."""

    @classmethod
    def of_game(
        cls, game: object, examples: Columns, split: str, *, rest: bool = False
    ) -> "Likelihood | None":
        """Take the examples that trials are ranked by, or all the others if `rest`.

        None if the game has no `log_prob`.
        """
        if "log_prob" not in capabilities(game):
            return None
        return cls(
            kind=getattr(game, "log_prob_kind", "bound"),
            of=getattr(game, "log_prob_of", "the data as they are"),
            split=split,
            examples=for_ranking(examples, rest=rest),
            available=len(examples["x"]),
            scale=getattr(game, "log_prob_scale", None),
        )

    @property
    def metrics(self) -> frozenset[str]:
        """Names of what `measure` gives."""
        return LIKELIHOOD_METRICS if self.scale else LIKELIHOOD_METRICS - {"bits_per_dim"}

    @property
    def protocol(self) -> dict[str, object]:
        """The statement of how `nll` was made, as JSON."""
        stated: dict[str, object] = {
            "kind": self.kind, "of": self.of, "unit": "nats", "split": self.split,
            "examples": len(self.examples["x"]), "drawn_from": self.available, "seed": 0,
        }  # fmt: skip
        if self.kind != "iwae":
            return stated
        return stated | {
            "importance_samples": IMPORTANCE_SAMPLES,
            "importance_samples_before_the_end": RUNG_SAMPLES,
        }

    def to(self, device: torch.device | str) -> "Likelihood":
        """Return the same for a pack on `device`."""
        return replace(self, examples={n: t.to(device) for n, t in self.examples.items()})

    def measure(
        self, pack: Pack, slots: list[int], samples: int = IMPORTANCE_SAMPLES
    ) -> list[dict[str, float]]:
        """Measure the lanes in `slots`, with that many importance samples for each example.

        For each lane: `nll`, minus the mean of `log_prob` in nats; its standard error over
        examples; and `bits_per_dim`, for a density over grey levels.
        """
        game: Any = pack.game
        parts = []
        for index, batch in enumerate(batches(self.examples)):
            noise, given = game.log_prob_noise(len(batch["x"]), samples), given_of(game, batch)
            found = pack.call("log_prob", noise, batch["x"], seed=index, slots=slots, given=given)
            parts.append(found)
        return [self._figures(lane) for lane in torch.cat(parts, 1).double()]

    def _figures(self, found: Tensor) -> dict[str, float]:
        mean, error = found.mean(), found.std() / math.sqrt(len(found))
        result = {"nll": -float(mean), "nll_standard_error": float(error)}
        if self.scale is None:
            return result
        bits = bits_per_dim(mean, math.prod(self.examples["x"].shape[1:]), self.scale)
        return result | {"bits_per_dim": float(bits)}
