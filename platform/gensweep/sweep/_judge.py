"""What a trained lane is worth: samples, likelihood, truncation curve, and the verdict."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gensweep.game import DataShape
from gensweep.lanes import Pack
from gensweep.metrics import Evaluator
from gensweep.sweep._likelihood import IMPORTANCE_SAMPLES, RUNG_SAMPLES, Likelihood

GRID_SAMPLES = 64
UNTRUNCATED = 6.0
"""A threshold beyond which float32 has no normal numbers to draw."""
VERDICT = (
    "of samples without truncation, which says how training went; collapsed: below the bounds, "
    "and with no more variety than a tenth and 0.02 above that of earlier evaluations"
)
Result = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Evaluates one lane at a time, so that no lane's numbers depend on its neighbours."""

    evaluator: Evaluator
    data: DataShape
    modes: Tensor | None
    truncations: tuple[float, ...]
    likelihood: Likelihood | None
    """None: the model has no `log_prob`."""

    @property
    def protocol(self) -> dict[str, Any]:
        """How every number was made."""
        stated = self.evaluator.protocol | {"verdict": VERDICT}
        return stated | ({"nll": self.likelihood.protocol} if self.likelihood else {})

    def to(self, device: torch.device | str) -> "Judge":
        """The same for packs on `device`."""
        likelihood = self.likelihood and self.likelihood.to(device)
        return replace(self, evaluator=self.evaluator.to(device), likelihood=likelihood)

    def evaluate(self, pack: Pack, slot: int, *, bound: bool, last: bool) -> Result:
        """Metrics, verdict and sample grid; the likelihood at the end, and before if `bound`.

        At the end (`last`) also the curve.

        Metrics are of samples at the trial's own threshold, `untruncated_*` those judged by.
        """
        samples = self._samples(pack, slot)
        metrics = self.evaluator.evaluate(samples)[0]
        whole = self._untruncated(pack, slot, metrics)
        state, cause = self.evaluator.verdict(whole if metrics["finite"] else metrics)
        reference = self.evaluator.reference
        metrics |= {f"untruncated_{n}": whole[n] for n in reference.judged if n in whole}
        result: Result = {"metrics": metrics, "outcome": state, "cause": cause}
        result["variety"] = whole.get(reference.variety, 0.0)
        result["state"] = state if state in ("diverged", "collapsed") else "completed"
        result["png"] = b"" if state == "diverged" else grid(samples[0], self.modes)
        if (bound or last) and self.likelihood is not None and state != "diverged":
            samples_each = IMPORTANCE_SAMPLES if last else RUNG_SAMPLES
            metrics |= self.likelihood.measure(pack, slot, samples_each)
        if last and state != "diverged":
            result["curve"] = self._curve(pack, slot)
        return result

    def _samples(self, pack: Pack, slot: int, **hyper: float) -> Tensor:
        count = self.evaluator.protocol["fake_samples"]
        return pack.sample(count, slots=[slot], hyper=hyper)

    def _untruncated(self, pack: Pack, slot: int, own: dict[str, float]) -> dict[str, float]:
        if "truncation" not in pack.lane(slot).hyper:
            return own
        samples = self._samples(pack, slot, truncation=UNTRUNCATED)
        return self.evaluator.evaluate(samples, whole=False)[0]

    def _curve(self, pack: Pack, slot: int) -> list[list[float]]:
        """[threshold, fidelity, variety] along the grid; the protocol names the two metrics."""
        if "truncation" not in pack.lane(slot).hyper:
            return []
        points: list[list[float]] = []
        for threshold in self.truncations:
            samples = self._samples(pack, slot, truncation=threshold)
            found = self.evaluator.evaluate(samples, whole=False)[0]
            values = [found[name] for name in self.evaluator.protocol["curve"] if name in found]
            points += [[threshold, *values]] if len(values) == 2 else []
        return points


def grid(samples: Tensor, modes: Tensor | None) -> bytes:
    """PNG of all points, or of the first `GRID_SAMPLES` images."""
    from gensweep.report import grid_png

    return grid_png((samples if modes is not None else samples[:GRID_SAMPLES]).cpu(), modes)
