"""Measures a trial's critic: what it knows by heart, and how steep it is."""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from gensweep.evaluation._held_out_examples import BATCH, Columns, HeldOut, for_ranking
from gensweep.game_capabilities import capabilities
from gensweep.lanes import Pack
from gensweep.metric import OVERFITTING, SLOPE

RUNG_EXAMPLES = BATCH
"""Of each kind, while a trial goes on: a rung's evaluation of images takes a twentieth longer, of
points a sixth."""


@dataclass(frozen=True, kw_only=True)
class CriticMeasures:
    """Measures critics on training and on held-out examples.

    `critic_overfitting` is the share of pairs in which the critic prefers a training example to a
    held-out one: as BigGAN's authors tell a critic that memorises from one that generalises
    (arXiv:1809.11096, section 4.2), but by order, for a Wasserstein critic has no threshold between
    real and not. `critic_slope` is the root mean square norm of its gradient by a held-out example.
    """

    seen: HeldOut
    unseen: HeldOut

    @classmethod
    def of_game(
        cls, game: object, train: Columns, held_out: Columns, split: str = "test"
    ) -> Self | None:
        """Take as many of both; None if the game tells no critic's values, or nothing is held out.

        `train` and `held_out` are columns [N, ...] of examples, the latter of that `split`.
        """
        if not held_out or "critic_values" not in capabilities(game):
            return None
        unseen = for_ranking(held_out)
        count = len(unseen["x"])
        seen = {name: values[:count] for name, values in train.items()}
        return cls(seen=HeldOut(split="train", examples=seen, available=len(train["x"])),
                   unseen=HeldOut(split=split, examples=unseen,
                                  available=len(held_out["x"])))  # fmt: skip

    @property
    def protocol(self) -> dict[str, object]:
        """The statement of which examples each metric is of, as JSON."""
        compared = {"seen": self.seen.origin, "unseen": self.unseen.origin}
        fewer = min(RUNG_EXAMPLES, len(self.unseen.examples["x"]))
        return {OVERFITTING: compared, SLOPE: self.unseen.origin,
                "critic_examples_before_the_end": fewer}  # fmt: skip

    def to(self, device: torch.device | str) -> Self:
        """Return the same for a pack on `device`."""
        return type(self)(seen=self.seen.to(device), unseen=self.unseen.to(device))

    def of_rungs(self) -> Self:
        """Return the same of the first `RUNG_EXAMPLES` alone."""
        seen, unseen = (
            replace(part, examples={n: x[:RUNG_EXAMPLES] for n, x in part.examples.items()})
            for part in (self.seen, self.unseen)
        )
        return type(self)(seen=seen, unseen=unseen)

    def measure(self, pack: Pack, slots: list[int]) -> list[dict[str, float]]:
        """Measure the critics of the lanes in `slots`."""
        seen, unseen = (
            torch.cat(part.call(pack, slots, "critic_values", "x"), 1).double()
            for part in (self.seen, self.unseen)
        )
        parts = self.unseen.call(pack, slots, "critic_values", "x", slopes=True)
        squares = torch.cat(parts, 1).double().flatten(2).square().sum(2)
        return [
            {OVERFITTING: share_above(*pair), SLOPE: slope}
            for *pair, slope in zip(seen, unseen, squares.mean(1).sqrt().tolist(), strict=True)
        ]


def share_above(values: Tensor, others: Tensor) -> float:
    """Return the share of pairs of values [N] and others [M] in which the value is the larger.

    A tie counts as half.

    >>> share_above(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 0.0]))
    0.875
    """
    ordered = others.sort().values
    below = torch.searchsorted(ordered, values) + torch.searchsorted(ordered, values, right=True)
    return float(below.double().mean()) / (2 * len(others))
