"""Measures how likely held-out examples are to a trained lane, as a density or a bound of it."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from gensweep.evaluation._held_out_examples import Columns, HeldOut, for_ranking, mean_and_error
from gensweep.game_capabilities import capabilities
from gensweep.known_metrics import LIKELIHOOD_METRICS
from gensweep.lanes import Pack
from gensweep.metrics import bits_per_dim

IMPORTANCE_SAMPLES, RUNG_SAMPLES = 500, 50
"""At a trial's end, and where a pruner compares trials under way: a tenth of the time."""


@dataclass(frozen=True, kw_only=True)
class Likelihood(HeldOut):
    """The mean of a game's `log_prob` over the same held-out examples for every trial."""

    kind: str
    """What `log_prob` is: exact, elbo or iwae."""

    of: str
    """What it is the density of, in the game's words: binarised pixels, 17 grey levels."""

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
            "kind": self.kind, "of": self.of, "unit": "nats", **self.origin,
        }  # fmt: skip
        if self.kind != "iwae":
            return stated
        return stated | {
            "importance_samples": IMPORTANCE_SAMPLES,
            "importance_samples_before_the_end": RUNG_SAMPLES,
        }

    def measure(
        self, pack: Pack, slots: list[int], samples: int = IMPORTANCE_SAMPLES
    ) -> list[dict[str, float]]:
        """Measure the lanes in `slots`, with that many importance samples for each example.

        For each lane: `nll`, minus the mean of `log_prob` in nats; its standard error over
        examples; and `bits_per_dim`, for a density over grey levels.
        """
        parts = self.call(pack, slots, "log_prob", "x", samples)
        return [self._figures(lane) for lane in torch.cat(parts, 1).double()]

    def _figures(self, found: Tensor) -> dict[str, float]:
        mean, error = mean_and_error(found)
        result = {"nll": -mean, "nll_standard_error": error}
        if self.scale is None:
            return result
        bits = bits_per_dim(found.mean(), math.prod(self.examples["x"].shape[1:]), self.scale)
        return result | {"bits_per_dim": float(bits)}
