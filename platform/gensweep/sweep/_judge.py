"""What a trained lane is worth: samples, likelihood, truncation curve, and the verdict."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gensweep.game import DataShape
from gensweep.lanes import Pack
from gensweep.metrics import Evaluator
from gensweep.sweep._likelihood import Likelihood

GRID_SAMPLES = 64
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
        if self.likelihood is None:
            return self.evaluator.protocol
        return self.evaluator.protocol | {"nll": self.likelihood.protocol}

    def to(self, device: torch.device | str) -> "Judge":
        """The same for packs on `device`."""
        likelihood = self.likelihood and self.likelihood.to(device)
        return replace(self, evaluator=self.evaluator.to(device), likelihood=likelihood)

    def evaluate(self, pack: Pack, slot: int, *, bound: bool, curve: bool) -> Result:
        """Metrics, verdict and sample grid; if asked also the likelihood and the curve."""
        samples = self._samples(pack, slot)
        metrics = self.evaluator.evaluate(samples)[0]
        state, cause = self.evaluator.verdict(metrics)
        result: Result = {"metrics": metrics, "outcome": state, "cause": cause}
        result["state"] = state if state in ("diverged", "collapsed") else "completed"
        result["png"] = b"" if state == "diverged" else self._grid(samples[0])
        if bound and self.likelihood is not None and state != "diverged":
            metrics |= self.likelihood.measure(pack, slot)
        if curve and state != "diverged":
            result["curve"] = self._curve(pack, slot)
        return result

    def _samples(self, pack: Pack, slot: int, **hyper: float) -> Tensor:
        count = self.evaluator.protocol["fake_samples"]
        return pack.sample(count, slots=[slot], hyper=hyper)

    def _grid(self, samples: Tensor) -> bytes:
        from gensweep.report import grid_png

        shown = samples if self.modes is not None else samples[:GRID_SAMPLES]
        return grid_png(shown.cpu(), self.modes)

    def _curve(self, pack: Pack, slot: int) -> list[list[float]]:
        """[threshold, fidelity, variety] along the grid; the protocol names the two metrics."""
        if "truncation" not in pack.lane(slot).hyper:
            return []
        points: list[list[float]] = []
        for threshold in self.truncations:
            samples = self._samples(pack, slot, truncation=threshold)
            found = self.evaluator.evaluate(samples)[0]
            values = [found[name] for name in self.evaluator.protocol["curve"] if name in found]
            points += [[threshold, *values]] if len(values) == 2 else []
        return points
