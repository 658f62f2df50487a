"""What a trained lane is worth: samples, likelihood bounds, truncation curve, and the verdict."""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gensweep.game import DataShape, Model, capabilities
from gensweep.lanes import Pack
from gensweep.metrics import Evaluator

GRID_SAMPLES = 64
BOUND_BATCH = 50
Result = dict[str, Any]


def likelihood_kind(model: Model) -> str | None:
    """What the model's `log_prob` gives; a `bound` if it does not say."""
    known = "log_prob" in capabilities(model.game)
    return str(getattr(model.game, "log_prob_kind", "bound")) if known else None


@dataclass(frozen=True)
class Judge:
    """Evaluates one lane at a time, so that no lane's numbers depend on its neighbours."""

    evaluator: Evaluator
    data: DataShape
    test: Tensor
    """Held-out examples `[N, *shape]` in the model's range."""

    modes: Tensor | None
    samples: int
    truncations: tuple[float, ...]
    likelihood: str | None
    """What the model's `log_prob` is (exact, elbo, iwae); None: it has none."""

    bound_samples: int = 500
    bound_examples: int = 500

    @property
    def protocol(self) -> dict[str, Any]:
        """How every number was made."""
        if self.likelihood is None:
            return self.evaluator.protocol
        bound = {
            "kind": self.likelihood,
            "unit": "nats",
            "split": self.evaluator.protocol["split"],
            "examples": min(self.bound_examples, len(self.test)),
        }
        if self.likelihood == "iwae":
            bound["importance_samples"] = self.bound_samples
        return self.evaluator.protocol | {"nll": bound}

    def evaluate(self, pack: Pack, slot: int, *, full: bool) -> Result:
        """Metrics, verdict and sample grid; with `full` also the bound and the curve."""
        samples = pack.sample(self.samples, slots=[slot])
        metrics = self.evaluator.evaluate(samples)[0]
        state, cause = self.evaluator.verdict(metrics)
        result: Result = {"metrics": metrics, "outcome": state, "cause": cause}
        result["state"] = state if state in ("diverged", "collapsed") else "completed"
        result["png"] = b"" if state == "diverged" else self._grid(samples[0])
        if full and state != "diverged":
            metrics |= self._likelihood(pack, slot)
            result["curve"] = self._curve(pack, slot)
        return result

    def _grid(self, samples: Tensor) -> bytes:
        from gensweep.report import grid_png

        shown = samples if self.modes is not None else samples[:GRID_SAMPLES]
        return grid_png(shown.cpu(), self.modes)

    def _likelihood(self, pack: Pack, slot: int) -> dict[str, float]:
        """Minus the mean log-likelihood (bound) of held-out examples and its standard error."""
        game: Any = pack.game
        if self.likelihood is None:
            return {}
        test = self.test[: self.bound_examples]
        parts = []
        for index, x in enumerate(torch.split(test, BOUND_BATCH)):
            noise = game.log_prob_noise(len(x), self.bound_samples)
            parts.append(pack.call("log_prob", noise, x, seed=index, slots=[slot])[0])
        found = torch.cat(parts).double()
        error = float(found.std()) / math.sqrt(len(found))
        return {"nll": -float(found.mean()), "nll_standard_error": error}

    def _curve(self, pack: Pack, slot: int) -> list[list[float]]:
        """[threshold, Fréchet distance, coverage] along the grid of truncation thresholds."""
        if "truncation" not in pack.lane(slot).hyper:
            return []
        points: list[list[float]] = []
        for threshold in self.truncations:
            samples = pack.sample(self.samples, slots=[slot], hyper={"truncation": threshold})
            found = self.evaluator.evaluate(samples)[0]
            if "frechet" in found:
                points.append([threshold, found["frechet"], found["coverage"]])
        return points
