"""Measures trained lanes on held-out examples by a game's own scores, one number an example."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gensweep.evaluation._held_out_examples import Columns, HeldOut, for_ranking, mean_and_error
from gensweep.game_capabilities import capabilities
from gensweep.lanes import Pack
from gensweep.metric import ERROR
from gensweep.trial import Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Summaries:
    """Metrics that a game makes of all held-out examples together."""

    names: tuple[str, ...]
    traits: tuple[str, ...]
    """Names of what `scores` returns for it."""

    summarise: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]

    @classmethod
    def of_game(cls, game: Any) -> "Summaries | None":
        """Take what the game declares; None: it has no `summarise`."""
        summarise = getattr(game, "summarise", None)
        if summarise is None:
            return None
        names, traits = tuple(game.summary_names), tuple(game.trait_names)
        return cls(names=names, traits=traits, summarise=summarise)

    def of(self, found: Mapping[str, Tensor]) -> dict[str, float]:
        """Summarise the traits [N, ...] of a lane's examples."""
        told = self.summarise({name: found[name] for name in self.traits})
        return {name: float(told[name]) for name in self.names}


@dataclass(frozen=True, kw_only=True)
class Scores(HeldOut):
    """The means of a game's `scores` over the same held-out examples for every trial."""

    names: tuple[str, ...]
    """What `scores` gives, by the game's `score_names`."""

    summaries: Summaries | None = None
    """What the game makes of all examples together; None: nothing."""

    bounds: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """The game's `verdict_bounds`; empty: samples judge."""

    collapse_bounds: Mapping[str, float] = field(default_factory=dict)
    """The game's own: a trial with a score below its bound has collapsed."""

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
        bounds = getattr(game, "verdict_bounds", {})
        least = getattr(game, "collapse_bounds", {})
        return cls(names=names, summaries=Summaries.of_game(game), bounds=bounds,
                   collapse_bounds=least, split=split, examples=chosen,
                   available=len(examples["x"]))  # fmt: skip

    @property
    def metrics(self) -> frozenset[str]:
        """Names of what `measure` gives."""
        together = self.summaries.names if self.summaries else ()
        return frozenset((*self.names, *together, *(name + ERROR for name in self.names)))

    @property
    def protocol(self) -> dict[str, object]:
        """The statement of how the scores were made, as JSON."""
        judged = {n: list(each) for n, each in self.bounds.items()}
        stated: dict[str, object] = {"verdict_bounds": judged} if judged else {}
        if self.collapse_bounds:
            stated["collapse_bounds"] = dict(self.collapse_bounds)
        if self.summaries:
            stated["summaries"] = list(self.summaries.names)
        return {"names": list(self.names), **stated, **self.origin}

    def verdict(self, metrics: Mapping[str, float]) -> tuple[Outcome, str] | None:
        """Judge by the bounds: the outcome, and its cause in words; None: samples judge."""
        if self.collapse_share(metrics) < 1:
            told = (f"{n} {metrics[n]:.3g}, below {least:g}"
                    for n, least in self.collapse_bounds.items() if metrics[n] < least)  # fmt: skip
            return Outcome.COLLAPSED, ", ".join(told)
        if not self.bounds:
            return None
        says = ", ".join(f"{name} {metrics[name]:.3g}" for name in self.bounds)
        # `not <` is also true of a NaN.
        if any(not metrics[name] < most for name, (_, most) in self.bounds.items()):
            return Outcome.DIVERGED, says
        good = all(metrics[name] <= least for name, (least, _) in self.bounds.items())
        return (Outcome.CONVERGED if good else Outcome.UNCONVERGED), says

    def collapse_share(self, metrics: Mapping[str, float]) -> float:
        """Return the least part that a score is of its `collapse_bounds`; 1 without such bounds."""
        shares = (metrics[name] / least for name, least in self.collapse_bounds.items())
        return min(shares, default=1.0)

    def measure(self, pack: Pack, slots: list[int]) -> list[dict[str, float]]:
        """Measure the lanes in `slots`: the mean of each score, and its standard error."""
        parts = self.call(pack, slots, "scores", None)
        found = {name: torch.cat([part[name] for part in parts], 1).double() for name in parts[0]}
        return [self._figures({n: found[n][lane] for n in found}) for lane in range(len(slots))]

    def _figures(self, found: Mapping[str, Tensor]) -> dict[str, float]:
        together = self.summaries.of(found) if self.summaries else {}
        told = {name: mean_and_error(found[name]) for name in self.names}
        errors = {name + ERROR: error for name, (_, error) in told.items()}
        return {name: mean for name, (mean, _) in told.items()} | errors | together
