"""Evaluation of a pack's samples under one stated protocol, and the verdict on each trial."""

# L lanes, N samples
from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError
from gensweep.metrics.classifier import FeatureNet
from gensweep.metrics.distances import finite, label_metrics, sliced_wasserstein
from gensweep.metrics.frechet import frechet_distance, moments
from gensweep.metrics.modes import mode_metrics
from gensweep.metrics.prdc import prdc, radii

__all__ = ["Evaluator"]

POINT_BOUNDS = {"converged_modes": 1.0, "converged_high_quality": 0.8, "collapsed_modes": 0.75}
IMAGE_BOUNDS = {
    "converged_density": 0.3,
    "converged_coverage": 0.5,
    "converged_classes": 0.9,
    "collapsed_classes": 0.5,
    "collapsed_variance": 0.1,
}


@dataclass(kw_only=True, eq=False)
class Evaluator:
    """Metrics of samples against a fixed reference; `protocol` says how they were made."""

    objective: str
    protocol: dict[str, Any]
    direction: str = "minimize"
    _reference: dict[str, Any] = field(repr=False)

    @classmethod
    def for_dataset(  # noqa: PLR0913 (keywords)
        cls,
        name: str,
        train: dict[str, Tensor],
        test: dict[str, Tensor],
        *,
        modes: Tensor | None = None,
        mode_std: float | None = None,
        classifier: FeatureNet | None = None,
        samples: int = 1000,
        k: int = 5,
        seed: int = 0,
    ) -> Evaluator:
        """Prepare the reference: `test["x"]`, or `train["x"]` where the data has no test split."""
        split, data = ("test", test) if len(test.get("x", ())) > k else ("train", train)
        pick = torch.randperm(len(data["x"]), generator=torch.Generator().manual_seed(seed))
        pick = pick[:samples]
        real = data["x"][pick].float()
        protocol: dict[str, Any] = {
            "dataset": name, "split": split, "real_samples": len(real),
            "fake_samples": samples, "k": k, "seed": seed,
        }  # fmt: skip
        reference: dict[str, Any] = {"variance": real.flatten(1).var(0).mean().item(), "k": k}
        if modes is not None and mode_std is not None:
            reference |= {"modes": modes, "std": mode_std, "real": real}
            protocol |= {
                "kind": "points",
                "features": "identity",
                "mode_std": mode_std,
                "modes": len(modes),
                "mode_threshold": 3.0,
                "bounds": POINT_BOUNDS,
            }
            return cls(objective="w1_sliced", protocol=protocol, _reference=reference)
        if classifier is None:
            raise UserError(f"{name} has no modes: pass a classifier as feature network")
        features = _features(classifier, real)
        classes = classifier.head.out_features
        shares = train["y"].bincount(minlength=classes).double() / len(train["y"])
        reference |= {
            "net": classifier,
            "real": features,
            "radii": radii(features, k),
            "moments": moments(features),
            "classes": shares,
        }
        protocol |= {
            "kind": "images",
            "features": "classifier, penultimate layer",
            "feature_hash": classifier.hash,
            "classes": classes,
            "bounds": IMAGE_BOUNDS,
        }
        return cls(objective="frechet", protocol=protocol, _reference=reference)

    @torch.no_grad()
    def evaluate(self, samples: Tensor) -> list[dict[str, float]]:
        """Metrics of samples [L, N, *shape], one dict per lane.

        Lanes are taken one at a time, so none can touch another's bits; a lane with a non-finite
        sample is {"finite": 0.0} alone.
        """
        healthy = finite(samples).tolist()
        return [
            self._lane(lane[None].float()) if good else {"finite": 0.0}
            for lane, good in zip(samples, healthy, strict=True)
        ]

    def verdict(self, metrics: dict[str, float]) -> tuple[str, str]:
        """("converged" | "unconverged" | "collapsed" | "diverged", cause) by the stated bounds."""
        if metrics.get("finite") != 1.0:
            return "diverged", "non-finite samples"
        bounds = self.protocol["bounds"]
        judge = _judge_points if self.protocol["kind"] == "points" else _judge_images
        return judge(metrics, bounds, self.protocol)

    def _lane(self, lane: Tensor) -> dict[str, float]:
        reference = self._reference
        spread = lane[0].flatten(1).var(0).mean().item() / reference["variance"]
        kind = self._points if "modes" in reference else self._images
        found = {name: value.item() for name, value in kind(lane).items()}
        if not all(math.isfinite(value) for value in (spread, *found.values())):
            return {"finite": 0.0}  # finite samples so large that their moments overflow
        return {"finite": 1.0, "samples": float(lane.shape[1]), "variance_ratio": spread, **found}

    def _points(self, lane: Tensor) -> dict[str, Tensor]:
        reference = self._reference
        return {
            **mode_metrics(lane, reference["modes"], reference["std"]),
            "w1_sliced": sliced_wasserstein(reference["real"], lane, 1),
            "w2_sliced": sliced_wasserstein(reference["real"], lane, 2),
        }

    def _images(self, lane: Tensor) -> dict[str, Tensor]:
        reference = self._reference
        features = _features(reference["net"], lane[0])
        labels = reference["net"].head(features).argmax(-1)
        if not features.isfinite().all():
            return {"frechet": torch.tensor(math.nan)}
        return {
            "frechet": frechet_distance(reference["moments"], moments(features[None]))[0],
            **prdc(reference["real"], features[None], reference["k"], reference["radii"]),
            **label_metrics(labels[None], reference["classes"]),
        }


@torch.no_grad()
def _features(net: FeatureNet, images: Tensor) -> Tensor:
    return torch.cat([net.features(part) for part in torch.split(images, 1000)])


def _judge_points(
    metrics: dict[str, float], bounds: dict[str, float], protocol: dict[str, Any]
) -> tuple[str, str]:
    modes, good, total = metrics["modes"], metrics["high_quality"], protocol["modes"]
    says = f"{modes:.0f} of {total} modes, {good:.0%} high-quality samples"
    if modes < bounds["collapsed_modes"] * total:
        return "collapsed", says
    if modes >= bounds["converged_modes"] * total and good >= bounds["converged_high_quality"]:
        return "converged", says
    return "unconverged", says


def _judge_images(
    metrics: dict[str, float], bounds: dict[str, float], protocol: dict[str, Any]
) -> tuple[str, str]:
    found, total, spread = metrics["classes"], protocol["classes"], metrics["variance_ratio"]
    if found < bounds["collapsed_classes"] * total:
        return "collapsed", f"{found:.0f} of {total} classes"
    if spread < bounds["collapsed_variance"]:
        return "collapsed", f"sample variance is {spread:.1%} of the data's"
    density, coverage = metrics["density"], metrics["coverage"]
    good = (
        density >= bounds["converged_density"]
        and coverage >= bounds["converged_coverage"]
        and found >= bounds["converged_classes"] * total
    )
    says = f"density {density:.2f}, coverage {coverage:.2f}, {found:.0f} of {total} classes"
    return ("converged" if good else "unconverged"), says
