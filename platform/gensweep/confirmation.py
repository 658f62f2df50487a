"""Confirms the best configurations of a sweep by fresh seeds, spent where they tell most."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from gensweep.best_probability import best_probabilities
from gensweep.errors import UserError
from gensweep.objective import FEWEST_FRESH, Configuration, Objective, searched
from gensweep.trial import TrialView

METHOD = (
    "The best configurations of the search were trained again with fresh seeds, and are ranked by "
    "these alone: the search's own values chose them, and are as lucky as that. The first round "
    "gave each as many seeds; in each further one a configuration got as many of them as it is "
    "likely to be the best or, as often, the best but for another (top-two sampling, Russo 2020, "
    "arXiv:1602.08448)."
)


OFF = "none"
"""In the place of MxN: nothing is confirmed, or, of a sweep that began to, no further round."""


DOUBT = 1 / 4000
"""Added to the probability that a configuration is the best, whatever its seeds tell."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Confirmation:
    """The wish to repeat the best configurations of a search over more seeds.

    >>> str(Confirmation.parse("3x10")), Confirmation.parse("3x10").trials
    ('3x10', 30)
    """

    configurations: int
    seeds: int
    """Of a configuration, on average."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read MxN, configurations and seeds; `UserError` for anything else."""
        found = re.fullmatch(r"([0-9]{1,6})x([0-9]{1,6})", text)
        most, seeds = map(int, found.groups()) if found else (0, 0)
        if most < 1 or seeds < FEWEST_FRESH:
            raise UserError(f"confirm is MxN, the best M configurations over N seeds each (1 <= M, "
                            f"{FEWEST_FRESH} <= N, both below 1,000,000), such as 3x10, or {OFF}, "
                            f"but got {text!r}.")  # fmt: skip
        return cls(configurations=most, seeds=seeds)

    def __str__(self) -> str:
        return f"{self.configurations}x{self.seeds}"

    @property
    def trials(self) -> int:
        """The seeds of all configurations together, at most."""
        return self.configurations * self.seeds

    def next_round(self, objective: Objective, trials: Sequence[TrialView]) -> list[int]:
        """Choose the configurations, by group, that get a seed each next; empty: all is spent.

        It follows from the search's results and those of the rounds before, in the order of their
        numbers, and from nothing else: `trials` must have ended. A configuration that fails in
        most of its fresh seeds gets no more, and the others have its share.
        """
        best = objective.configurations(searched(trials))[: self.configurations]
        groups = [one.trials[0]["group"] for one in best]
        drawn = Counter(trial["group"] for trial in trials if trial.get("confirm_round"))
        rounds = 1 + math.ceil(math.log2(max(1, len(groups))))
        if new := [group for group in groups if not drawn[group]]:
            return max(FEWEST_FRESH, self.seeds // rounds) * new
        left = max(0, len(groups) * self.seeds - sum(drawn[group] for group in groups))
        part = math.ceil(len(groups) * self.seeds / rounds)
        confirmed = [one for one in objective.configurations(trials) if one.confirmed]
        shares = _shares([one for one in confirmed if one.failed <= len(one.trials)])
        # In the order of the search; a last round of few seeds would leave lanes idle.
        fitting = {group: shares[group] for group in groups if group in shares}
        return _divide(left if left < 1.5 * part else part, fitting)


def _shares(ranked: Sequence[Configuration]) -> dict[int, float]:
    """Each configuration's share of a round, by group, from the fresh seeds that it has."""
    chances = best_probabilities(ranked) or [1.0 / max(1, len(ranked))] * len(ranked)
    # Nothing tells that a configuration is surely the best, or surely not.
    sure = [(chance + DOUBT) / (1 + DOUBT * len(ranked)) for chance in chances]
    odds = [chance / (1 - chance) if len(ranked) > 1 else 0.0 for chance in sure]
    return {
        one.trials[0]["group"]: chance * (1 + sum(odds) - own) / 2
        for one, chance, own in zip(ranked, sure, odds, strict=True)
    }


def _divide(count: int, shares: dict[int, float]) -> list[int]:
    """Hand out `count` by shares, rounded so that the largest remainders are served first.

    >>> _divide(5, {7: 0.6, 2: 0.3, 4: 0.1})
    [7, 7, 7, 2, 2]
    """
    whole = sum(shares.values())
    exact = {key: count * share / whole for key, share in shares.items()}
    given = {key: math.floor(value) for key, value in exact.items()}
    order = sorted(exact, key=lambda key: given[key] - exact[key])  # the largest remainder first
    for key in order[: count - sum(given.values())] if exact else []:
        given[key] += 1
    return [key for key, times in given.items() for _ in range(times)]
