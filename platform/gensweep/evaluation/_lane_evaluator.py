"""Evaluates trained lanes: samples, metrics, verdict, likelihood and truncation curve.

L lanes.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from gensweep.evaluation._evaluation import CurvePoint, Evaluation
from gensweep.evaluation._lane_likelihood import IMPORTANCE_SAMPLES, RUNG_SAMPLES, Likelihood
from gensweep.evaluation._sample_grid import grid_png
from gensweep.game import DataShape
from gensweep.known_metrics import UNTRUNCATED
from gensweep.lanes import Pack
from gensweep.metrics import Evaluator
from gensweep.trial import Outcome

GRID_SAMPLES = 64
LANES_AT_ONCE = 4
"""On a GPU, where many small kernels cost more than few; a CPU takes lanes one by one as fast."""
NO_TRUNCATION = 6.0
"""A threshold beyond which float32 has no normal numbers to draw."""
VERDICT = (
    "of samples without truncation, which says how training went; collapsed: below the bounds, "
    "and with no more variety than a tenth and 0.02 above that of earlier evaluations"
)


@dataclass(frozen=True, kw_only=True)
class LaneEvaluator:
    """Evaluates lanes so that no lane's numbers depend on which others are evaluated with it.

    Networks always compute `lanes_at_once` lanes, and places without one repeat another: which
    kernels are taken, and with them the last bits, may depend on how many lanes there are.
    """

    evaluator: Evaluator
    """Measures samples against the data set."""

    data: DataShape
    modes: Tensor | None
    """`[K, 2]` of a mixture of points; None: images."""

    truncations: tuple[float, ...]
    likelihood: Likelihood | None
    """None: the model has no `log_prob`."""

    lanes_at_once: int = 1

    @property
    def protocol(self) -> Mapping[str, object]:
        """The statement of how every number was made, as JSON."""
        stated = {**self.evaluator.protocol, "verdict": VERDICT}
        return stated | ({"nll": self.likelihood.protocol} if self.likelihood else {})

    def to(self, device: torch.device | str, width: int = LANES_AT_ONCE) -> "LaneEvaluator":
        """Return the same evaluator for packs of `width` lanes on `device`."""
        likelihood = self.likelihood and self.likelihood.to(device)
        at_once = 1 if torch.device(device).type == "cpu" else min(width, LANES_AT_ONCE)
        moved = replace(self, evaluator=self.evaluator.to(device), likelihood=likelihood)
        return replace(moved, lanes_at_once=at_once)

    def evaluate(
        self, pack: Pack, due: Mapping[int, bool], *, bound: bool
    ) -> Iterator[tuple[int, Evaluation]]:
        """Yield the evaluation of each slot that is `due`, some lanes at a time.

        `due[slot]` says whether the slot's trial ends here: then its likelihood and its truncation
        curve are measured too. With `bound` the likelihood is also measured of the others, with
        fewer importance samples.
        """
        for last in (False, True):
            slots = [slot for slot, ends in due.items() if ends is last]
            for start in range(0, len(slots), self.lanes_at_once):
                some = slots[start : start + self.lanes_at_once]
                yield from self._evaluate_some(pack, some, bound or last, last).items()

    def _evaluate_some(
        self, pack: Pack, slots: list[int], bound: bool, last: bool
    ) -> dict[int, Evaluation]:
        samples = self._draw_samples(pack, slots)
        metrics = self.evaluator.evaluate(samples)
        untruncated = self._measure_untruncated(pack, slots) or metrics
        found = {
            slot: self._evaluate_lane(*each)
            for slot, *each in zip(slots, samples, metrics, untruncated, strict=True)
        }
        # A lane whose samples are not finite has neither a likelihood nor a curve.
        sound = [slot for slot, one in found.items() if one.outcome is not Outcome.DIVERGED]
        if bound and sound and self.likelihood is not None:
            for slot, likely in self._likelihoods(pack, sound, self.likelihood, last).items():
                found[slot] = replace(found[slot], metrics={**found[slot].metrics, **likely})
        if last and sound:
            for slot, curve in zip(sound, self._curves(pack, sound), strict=True):
                found[slot] = replace(found[slot], curve=tuple(curve))
        return found

    def _evaluate_lane(
        self, samples: Tensor, metrics: dict[str, float], untruncated: dict[str, float]
    ) -> Evaluation:
        """Judge one lane by its samples without truncation; `samples` are those to be pictured."""
        finite = bool(metrics["finite"])
        outcome, cause = self.evaluator.verdict(untruncated if finite else metrics)
        reference = self.evaluator.reference
        judged_by = {
            UNTRUNCATED + name: untruncated[name]
            for name in reference.judged
            if name in untruncated
        }
        return Evaluation(
            metrics=metrics | judged_by,
            outcome=outcome,
            cause=cause,
            variety=untruncated.get(reference.variety, 0.0),
            png=b"" if outcome is Outcome.DIVERGED else sample_grid(samples, self.modes),
        )

    def _likelihoods(
        self, pack: Pack, slots: list[int], likelihood: Likelihood, last: bool
    ) -> dict[int, dict[str, float]]:
        samples = IMPORTANCE_SAMPLES if last else RUNG_SAMPLES
        found = likelihood.measure(pack, fill_up(slots, self.lanes_at_once), samples)
        return dict(zip(slots, found, strict=False))  # the others repeat the first slot

    def _draw_samples(self, pack: Pack, slots: list[int], **hyper: float) -> Tensor:
        """Samples of `lanes_at_once` lanes or fewer, `[L, count, *shape]`."""
        every = fill_up(slots, self.lanes_at_once)
        drawn = pack.sample(self.evaluator.samples, slots=every, hyper=hyper)
        return drawn[: len(slots)]

    def _measure_truncated(
        self, pack: Pack, slots: list[int], threshold: float, wanted: Collection[str]
    ) -> list[dict[str, float]]:
        samples = self._draw_samples(pack, slots, truncation=threshold)
        return self.evaluator.evaluate(samples, wanted)

    def _measure_untruncated(self, pack: Pack, slots: list[int]) -> list[dict[str, float]]:
        """Measure what lanes are judged by; empty for a model without truncation."""
        if "truncation" not in pack.lane(slots[0]).hyper:
            return []
        reference = self.evaluator.reference
        wanted = {*reference.judged, reference.variety}
        return self._measure_truncated(pack, slots, NO_TRUNCATION, wanted)

    def _curves(self, pack: Pack, slots: list[int]) -> list[list[CurvePoint]]:
        """Each lane's curve along the grid; thresholds with samples that are not finite are left
        out."""
        curves: list[list[CurvePoint]] = [[] for _ in slots]
        if "truncation" not in pack.lane(slots[0]).hyper:
            return curves
        reference = self.evaluator.reference
        fidelity, variety = reference.objective, reference.variety
        for threshold in self.truncations:
            found = self._measure_truncated(pack, slots, threshold, (fidelity, variety))
            for curve, metrics in zip(curves, found, strict=True):
                if metrics["finite"]:
                    curve.append((threshold, metrics[fidelity], metrics[variety]))
        return curves


def fill_up(slots: list[int], count: int) -> list[int]:
    """Return `count` slots: these, then the first one again."""
    return slots + slots[:1] * (count - len(slots))


def sample_grid(samples: Tensor, modes: Tensor | None) -> bytes:
    """Draw all points, or the first `GRID_SAMPLES` images, as PNG."""
    return grid_png((samples if modes is not None else samples[:GRID_SAMPLES]).cpu(), modes)
