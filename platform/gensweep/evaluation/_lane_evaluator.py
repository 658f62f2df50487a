"""What trained lanes are worth: samples, likelihood, truncation curve, and the verdict.

L lanes.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gensweep.evaluation._likelihood import IMPORTANCE_SAMPLES, RUNG_SAMPLES, Likelihood
from gensweep.game import DataShape
from gensweep.known_metrics import UNTRUNCATED
from gensweep.lanes import Pack
from gensweep.metrics import Evaluator
from gensweep.trial import Outcome, TrialState

GRID_SAMPLES = 64
LANES_AT_ONCE = 4
"""On a GPU, where many small kernels cost more than few; a CPU takes lanes one by one as fast."""
NO_TRUNCATION = 6.0
"""A threshold beyond which float32 has no normal numbers to draw."""
VERDICT = (
    "of samples without truncation, which says how training went; collapsed: below the bounds, "
    "and with no more variety than a tenth and 0.02 above that of earlier evaluations"
)
Result = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class LaneEvaluator:
    """Evaluates lanes so that no lane's numbers depend on which others are evaluated with it.

    Networks always compute `lanes_at_once` lanes, places without one repeating another: which
    kernels are taken, and with them the last bits, may depend on how many there are.
    """

    evaluator: Evaluator
    data: DataShape
    modes: Tensor | None
    truncations: tuple[float, ...]
    likelihood: Likelihood | None
    """None: the model has no `log_prob`."""

    lanes_at_once: int = 1

    @property
    def protocol(self) -> dict[str, Any]:
        """How every number was made."""
        stated = self.evaluator.protocol | {"verdict": VERDICT}
        return stated | ({"nll": self.likelihood.protocol} if self.likelihood else {})

    def to(self, device: torch.device | str, width: int = LANES_AT_ONCE) -> "LaneEvaluator":
        """The same for packs of `width` lanes on `device`."""
        likelihood = self.likelihood and self.likelihood.to(device)
        at_once = 1 if torch.device(device).type == "cpu" else min(width, LANES_AT_ONCE)
        moved = replace(self, evaluator=self.evaluator.to(device), likelihood=likelihood)
        return replace(moved, lanes_at_once=at_once)

    def evaluate(
        self, pack: Pack, due: Mapping[int, bool], *, bound: bool
    ) -> Iterator[tuple[int, Result]]:
        """Metrics, verdict and sample grid of each slot that is `due`, some lanes at a time.

        Where its trial ends (`due[slot]`) also the likelihood and the curve; the likelihood
        earlier too if `bound`. Metrics are of samples at the trial's own threshold,
        `untruncated_*` those judged by.
        """
        for last in (False, True):
            slots = [slot for slot, ends in due.items() if ends is last]
            for start in range(0, len(slots), self.lanes_at_once):
                some = slots[start : start + self.lanes_at_once]
                yield from self._some(pack, some, bound or last, last).items()

    def _some(self, pack: Pack, slots: list[int], bound: bool, last: bool) -> dict[int, Result]:
        samples = self._samples(pack, slots)
        metrics = self.evaluator.evaluate(samples)
        whole = self._untruncated(pack, slots) or metrics
        results = {
            slot: self._judged(*each)
            for slot, *each in zip(slots, samples, metrics, whole, strict=True)
        }
        sound = [slot for slot, result in results.items() if result["state"] != TrialState.DIVERGED]
        if bound and sound and self.likelihood is not None:
            each = IMPORTANCE_SAMPLES if last else RUNG_SAMPLES
            likely = self.likelihood.measure(pack, filled(sound, self.lanes_at_once), each)
            for slot, found in zip(sound, likely, strict=False):
                results[slot]["metrics"] |= found
        if last and sound:
            for slot, curve in zip(sound, self._curves(pack, sound), strict=True):
                results[slot]["curve"] = curve
        return results

    def _judged(
        self, samples: Tensor, metrics: dict[str, float], whole: dict[str, float]
    ) -> Result:
        """The verdict on one lane, of samples that are not truncated, and its picture."""
        outcome, cause = self.evaluator.verdict(whole if metrics["finite"] else metrics)
        reference = self.evaluator.reference
        judged_by = {UNTRUNCATED + n: whole[n] for n in reference.judged if n in whole}
        return {
            "metrics": metrics | judged_by, "outcome": outcome, "cause": cause,
            "variety": whole.get(reference.variety, 0.0),
            "state": outcome.state,
            "png": b"" if outcome == Outcome.DIVERGED else grid(samples, self.modes),
        }  # fmt: skip

    def _samples(self, pack: Pack, slots: list[int], **hyper: float) -> Tensor:
        """Of `lanes_at_once` lanes or fewer, `[L, count, *shape]`."""
        count = self.evaluator.protocol["fake_samples"]
        drawn = pack.sample(count, slots=filled(slots, self.lanes_at_once), hyper=hyper)
        return drawn[: len(slots)]

    def _truncated(
        self, pack: Pack, slots: list[int], threshold: float, wanted: Collection[str]
    ) -> list[dict[str, float]]:
        samples = self._samples(pack, slots, truncation=threshold)
        return self.evaluator.evaluate(samples, wanted)

    def _untruncated(self, pack: Pack, slots: list[int]) -> list[dict[str, float]]:
        """What lanes are judged by; empty for a model without truncation."""
        if "truncation" not in pack.lane(slots[0]).hyper:
            return []
        reference = self.evaluator.reference
        wanted = {*reference.judged, reference.variety}
        return self._truncated(pack, slots, NO_TRUNCATION, wanted)

    def _curves(self, pack: Pack, slots: list[int]) -> list[list[list[float]]]:
        """Of each lane [threshold, fidelity, variety] along the grid, as the protocol names them;
        a threshold at which its samples are not finite is left out."""
        curves: list[list[list[float]]] = [[] for _ in slots]
        if "truncation" not in pack.lane(slots[0]).hyper:
            return curves
        names = self.evaluator.protocol["curve"]
        for threshold in self.truncations:
            found = self._truncated(pack, slots, threshold, names)
            for curve, metrics in zip(curves, found, strict=True):
                if metrics["finite"]:
                    curve.append([threshold, *(metrics[name] for name in names)])
        return curves


def filled(slots: list[int], count: int) -> list[int]:
    """`count` slots, those that lack being the first again."""
    return slots + slots[:1] * (count - len(slots))


def grid(samples: Tensor, modes: Tensor | None) -> bytes:
    """PNG of all points, or of the first `GRID_SAMPLES` images."""
    from gensweep.evaluation._sample_grid import grid_png

    return grid_png((samples if modes is not None else samples[:GRID_SAMPLES]).cpu(), modes)
