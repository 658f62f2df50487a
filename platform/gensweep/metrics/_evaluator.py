"""Measures the samples of a pack's lanes under one stated protocol, and judges each trial."""

# L lanes, N samples
from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.metric import ERROR, NEIGHBOURS
from gensweep.metrics._classifier import FeatureNet
from gensweep.metrics._copies import CopyTest
from gensweep.metrics._distances import finite
from gensweep.metrics._images import AnyFeatures, Images
from gensweep.metrics._points import Points
from gensweep.metrics._standard_error import COUNT_METHOD, METHOD
from gensweep.metrics._verdict import ADDED_BOUNDS, diverged
from gensweep.trial import Outcome

__all__ = ["Evaluator", "draw"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Evaluator:
    """Measures samples against a fixed reference; `protocol` states how, beside the numbers."""

    protocol: Mapping[str, object]
    samples: int
    """Drawn from each lane."""
    variance: float
    """Mean variance of the numbers of a real example."""
    reference: Points | Images = field(repr=False)

    @property
    def objective(self) -> str:
        """Name of the metric by which trials are ranked unless the sweep names another."""
        return self.reference.objective

    @classmethod
    def for_dataset(  # noqa: PLR0913 (what the protocol states; all but the data are keywords)
        cls,
        name: str,
        train: dict[str, Tensor],
        test: dict[str, Tensor],
        *,
        modes: Tensor | None = None,
        mode_std: float | None = None,
        net: AnyFeatures | None = None,
        shares: Tensor | None = None,
        copies: CopyTest | None = None,
        samples: int = 1000,
        k: int = NEIGHBOURS,
        seed: int = 0,
    ) -> Evaluator:
        """Prepare the reference: `test["x"]`, or `train["x"]` where the data has no test split.

        Class `shares` are those of `train["y"]` unless given, if `net` is a classifier. Without
        `copies` no copying is measured.
        """
        split, data = ("test", test) if len(test.get("x", ())) > k else ("train", train)
        real = data["x"][draw(len(data["x"]), samples, seed)].float()
        stated: dict[str, object] = {
            "dataset": name, "split": split, "real_samples": len(real),
            "fake_samples": samples, "seed": seed,
        }  # fmt: skip
        reference: Points | Images
        if modes is not None and mode_std is not None:
            reference = Points(real, modes, mode_std)
        elif net is None:
            raise UserError(f"{name} has no modes: pass a classifier or a projection as `net`")
        else:
            known = _class_shares(net, train) if shares is None else shares
            reference = Images(real, net, known, k, copies)
        stated |= _measured_by(reference)
        variance = _mean_variance(real).item()
        if not variance or bool((real == real[0]).all()):
            raise UserError(f"{name} has {len(real)} {split} examples to judge samples by, and all "
                            "are equal: add others.")  # fmt: skip
        return cls(
            protocol=stated | reference.protocol, samples=samples, variance=variance,
            reference=reference,
        )  # fmt: skip

    @property
    def all_of(self) -> Mapping[str, float]:
        """By each metric that counts, how many there are to be found."""
        return self.reference.all_of

    def to(self, device: torch.device | str) -> Evaluator:
        """Return an evaluator of samples on `device`, with the same reference."""
        return dataclasses.replace(self, reference=self.reference.to(device))

    def judging_by(self, bounds: Mapping[str, float]) -> Evaluator:
        """Return an evaluator whose verdict takes these `bounds`; its protocol states them.

        It takes none that an earlier version, whose bounds they are, did not have.
        """
        reference = copy.copy(self.reference)
        added = ADDED_BOUNDS - bounds.keys() if bounds else ()
        kept = {name: bound for name, bound in reference.bounds.items() if name not in added}
        reference.bounds = {**kept, **bounds}
        stated = {"bounds": reference.bounds}
        reference.protocol = reference.protocol | stated
        return dataclasses.replace(self, reference=reference, protocol={**self.protocol, **stated})

    @torch.no_grad()
    def evaluate(
        self,
        samples: Tensor,
        wanted: Collection[str] | None = None,
        given: Tensor | None = None,
        *,
        errors: bool = False,
    ) -> list[dict[str, float]]:
        """Measure samples [L, N, *shape]: one dict per lane, of all metrics or at least `wanted`.

        `given` [N] are the classes that the samples of every lane are of, if they were given any.
        Lanes are taken one at a time, so that no lane's bits depend on another's. A lane with a
        sample or a metric that is not finite gives {"finite": 0.0} alone. With `errors` the
        standard errors of `_standard_error.py` stand beside the metrics that have one.
        """
        healthy = finite(samples).tolist()
        return [
            self._evaluate_lane(lane[None].float(), wanted, given, errors)
            if good else {"finite": 0.0}
            for lane, good in zip(samples, healthy, strict=True)
        ]  # fmt: skip

    def verdict(self, metrics: dict[str, float]) -> tuple[Outcome, str]:
        """Judge by the bounds that `protocol` states: the outcome, and its cause in words."""
        return diverged(metrics) or self.reference.verdict(metrics)

    def _evaluate_lane(
        self, lane: Tensor, wanted: Collection[str] | None, given: Tensor | None, errors: bool
    ) -> dict[str, float]:
        measured = self.reference.measure(lane, wanted, given, errors=errors)
        measured["spread"] = _mean_variance(lane[0])
        # One transfer from the device for all metrics: each would wait for the GPU by itself.
        numbers = torch.cat([value.double().reshape(1) for value in measured.values()]).tolist()
        found = dict(zip(measured, numbers, strict=True))
        spread = found.pop("spread") / self.variance
        told = {name: found.pop(name) for name in list(found) if name.endswith(ERROR)}
        if not all(math.isfinite(value) for value in (spread, *found.values())):
            return {"finite": 0.0}  # finite samples so large that their moments overflow
        known = {name: error for name, error in told.items() if math.isfinite(error)}
        first = {"finite": 1.0, "samples": float(lane.shape[1]), "variance_ratio": spread}
        return {**first, **found, **known}


def draw(count: int, wanted: int, seed: int = 0) -> Tensor:
    """Draw the indices of `wanted` of `count` examples, each once; all if there are fewer."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:wanted]


def _mean_variance(examples: Tensor) -> Tensor:
    """Return the mean of the unbiased variances of the numbers of examples [N, ...].

    Of differences from the mean: `Tensor.var` along the first dimension takes five times as long.
    """
    apart = examples.flatten(1) - examples.flatten(1).mean(0)
    return apart.square_().sum(0).div(max(1, len(examples) - 1)).mean()


def _measured_by(reference: Points | Images) -> dict[str, object]:
    """State how intervals are drawn, and which metrics are the ends of a curve of sampling."""
    counts = {"count_intervals": COUNT_METHOD} if reference.all_of else {}
    return {"intervals": METHOD, **counts, "curve": [reference.objective, reference.variety]}


def _class_shares(net: AnyFeatures, train: dict[str, Tensor]) -> Tensor | None:
    """Return the shares [C] of the classes in training data; None without labels."""
    if not isinstance(net, FeatureNet) or "y" not in train:
        return None
    counts = train["y"].bincount(minlength=net.classes).double()
    return counts / counts.sum()
