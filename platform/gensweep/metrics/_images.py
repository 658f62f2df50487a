"""Compares images with real ones in the features of a fixed network."""

# L lanes, N samples, F features, C classes
from __future__ import annotations

import copy
import math
from collections.abc import Collection, Mapping, Set

import torch
from torch import Tensor

from gensweep.known_metrics import METRICS
from gensweep.metric import ERROR, FEW_EXAMPLES, W1
from gensweep.metrics._classifier import FeatureNet
from gensweep.metrics._copies import CopyTest
from gensweep.metrics._distances import SlicedDistances, label_errors, label_metrics
from gensweep.metrics._feature_file import FileFeatures
from gensweep.metrics._frechet import (
    frechet_distance,
    frechet_pieces,
    moments,
    square_root,
)
from gensweep.metrics._kernel import KernelDistance
from gensweep.metrics._prdc import NearReal
from gensweep.metrics._projection import Projection
from gensweep.metrics._standard_error import standard_error
from gensweep.metrics._transport import Transport
from gensweep.metrics._verdict import (
    CLASS_BOUNDS,
    IMAGE_BOUNDS,
    POINT_CLOUD_BOUNDS,
    Bounds,
    judge_images,
    kept_classes,
)
from gensweep.trial import Outcome

__all__ = ["AnyFeatures", "Images", "feature_batches"]

AnyFeatures = FeatureNet | Projection | FileFeatures
CLIPPED = {"clipped_density", "clipped_coverage"}
NEAR = {"precision", "recall", "density", "coverage", *CLIPPED}
"""What `NearReal` measures."""
BATCH, FILE_BATCH = 250, 50
"""Images at once, in a processor's cache; of a file, Inception's network takes 5 MB for each."""
DIRECTIONS = 256
"""Of the Monge inception distance, of which its authors take 100 to 1000."""


class Images:
    """The reference of images: Fréchet distance, precision, recall, density, coverage, classes.

    Classes are measured of labelled data, whose class shares are `shares` [C]; else it is None.
    """

    objective, variety = "frechet", "coverage"
    judged = ("density", "coverage", "precision", "classes", "class_kl", "variance_ratio")

    def __init__(
        self, real: Tensor, net: AnyFeatures, shares: Tensor | None, k: int,
        copies: CopyTest | None = None,
    ) -> None:  # fmt: skip
        self.net, self.shares, self.real_count = net, shares, len(real)
        self.feature_hash, features = net.hash, feature_batches(net, real)
        self.moments = moments(features)
        self.root = square_root(self.moments[1])
        self.near = NearReal(features, k)
        self._real_classes = None
        if isinstance(net, FeatureNet) and shares is not None:
            self._real_classes = net.classify(features).cpu(), net.confidence(features).cpu()
        self.kernel = KernelDistance(features)
        self.slices = SlicedDistances(features, DIRECTIONS)
        self.transport = Transport(real) if real.ndim == 2 else None
        """Of points without known modes, as they are; None: examples are of another shape."""
        self.copies = copies if copies is not None and copies.tells else None
        own = {"feature_input": net.protocol} if isinstance(net, FileFeatures) else {}
        self.bounds: Bounds = IMAGE_BOUNDS if self.transport is None else POINT_CLOUD_BOUNDS
        self.bounds = {**self.bounds, **({} if shares is None else CLASS_BOUNDS)}
        self.protocol: dict[str, object] = {
            **own,
            "kind": "images",
            "features": net.kind,
            "feature_hash": self.feature_hash,
            "k": k,
            "bounds": self.bounds,
        }
        self.classes = None if shares is None else int((shares > 0).sum())
        """The number of those that the data have examples of; None: they are not measured."""
        self.all_of: Mapping[str, float] = {}
        if self.classes is not None:
            self.protocol["classes"] = self.classes
            self.all_of = dict.fromkeys(("classes", "classes_seen"), self.classes)
        if self.copies is not None:
            self.protocol["copied"] = self.copies.protocol
        if self.transport is not None:
            self.protocol[W1] = self.transport.protocol

    def to(self, device: torch.device | str) -> Images:
        """Return a reference on another device, with the features and radii computed here."""
        moved = copy.copy(self)
        moved.net = copy.deepcopy(self.net).to(device)
        moved.shares = None if self.shares is None else self.shares.to(device)
        moved.near, moved.kernel = self.near.to(device), self.kernel.to(device)
        moved.slices = self.slices.to(device)
        moved.copies = self.copies and self.copies.to(device)
        moved.moments = (self.moments[0].to(device), self.moments[1].to(device))
        moved.root = self.root.to(device)
        return moved

    def measure(
        self,
        lane: Tensor,
        wanted: Collection[str] | None = None,
        given: Tensor | None = None,
        *,
        errors: bool = False,
    ) -> dict[str, Tensor]:
        """Measure samples [1, N, *shape]: metrics [1], all of them or at least `wanted`.

        `given` [N] are the classes that the samples are of; None: they were given none. With
        `errors` also the standard errors of those that have one.
        """
        features = feature_batches(self.net, lane[0])
        if not features.isfinite().all():
            return {"frechet": torch.tensor(math.nan)}
        needs = set(METRICS if wanted is None else wanted)
        found = self._distances(features[None], needs, errors)
        if W1 in needs and self.transport is not None:
            found |= self.transport.measure(lane[0], errors=errors)
        if needs & NEAR:
            found |= self.near.measure(
                features[None], recall="recall" in needs, clipped=bool(needs & CLIPPED),
                errors=errors,
            )  # fmt: skip
        named = {"classes", "classes_seen", "class_kl", "class_agreement"} & needs
        if self.shares is None or not isinstance(self.net, FeatureNet) or not named:
            return found
        labels = self.net.classify(features)[None]
        if given is not None:
            agrees = (labels == given.to(labels.device)).double()
            found["class_agreement"] = agrees.mean(-1)
            found |= {"class_agreement" + ERROR: standard_error(agrees)} if errors else {}
        least, (confidence, sure_shares) = self.bounds["found_share"], self._sure_shares()
        sure = self.net.confidence(features)[None] >= confidence
        if errors:
            told = label_errors(labels[0], self.shares, least, sure[0], sure_shares)
            found |= {name + ERROR: error for name, error in told.items()}
        return found | label_metrics(labels, self.shares, least, sure, sure_shares)

    def _sure_shares(self) -> tuple[float, Tensor]:
        """Return the confidence from which on a sample counts, and shares of such real examples.

        It is that of half of the real examples at most: of data that are hard to tell apart none
        would count. Earlier versions counted all samples, against the shares in the data.
        """
        assert self.shares is not None
        asked = self.bounds.get("found_confidence", 0.0)
        if not asked or self._real_classes is None:
            return 0.0, self.shares
        labels, confidences = self._real_classes
        least = min(asked, confidences.median().item())
        counts = torch.bincount(labels[confidences >= least], minlength=len(self.shares))
        return least, (counts / counts.sum()).to(self.shares.device)

    def _distances(self, fake: Tensor, needs: Set[str], errors: bool) -> dict[str, Tensor]:
        """Measure the distances, of those that are needed, of features [1, N, F]."""
        found = {}
        if "frechet" in needs:
            found["frechet"] = frechet_distance(self.moments, moments(fake), self.root)
        if "kernel_distance" in needs and not errors:
            found["kernel_distance"] = self.kernel.distances(fake)
        if "mind" in needs:
            found["mind"] = 3 * fake.shape[-1] * self.slices.distances(fake, 2)[2].square()
        if "copied" in needs and self.copies is not None:
            found["copied"] = self.copies.copied(fake)
        return found | (self._distance_errors(fake[0], found, needs) if errors else {})

    def _distance_errors(
        self, fake: Tensor, found: Mapping[str, Tensor], needs: Set[str]
    ) -> dict[str, Tensor]:
        """Return standard errors of the distances of features [N, F], and the kernel distance."""
        told = {}
        if "frechet" in needs:
            pieces = frechet_pieces(fake, self.moments[0], self.root)
            told["frechet" + ERROR] = standard_error(pieces)
        if "kernel_distance" in needs:
            value, error = self.kernel.with_error(fake)
            told |= {"kernel_distance": value, "kernel_distance" + ERROR: error}
        if "mind" in needs:
            pieces = self.slices.pieces(fake, 2)[2]
            told["mind" + ERROR] = 3 * fake.shape[-1] * standard_error(pieces)
        if "copied" in found and self.copies is not None:
            told["copied" + ERROR] = self.copies.error(found["copied"], len(fake))
        return told

    def verdict(self, metrics: dict[str, float]) -> tuple[Outcome, str]:
        """Judge by the bounds: the outcome, and its cause in words."""
        outcome, cause = judge_images(metrics, self.classes, self.bounds)
        few = f", beside {self.real_count} real examples: too few to tell"
        return outcome, cause + few * (self.real_count < FEW_EXAMPLES)

    def variety_of(self, metrics: Mapping[str, float]) -> float:
        """Return how many classes are not lost; of data without classes, the coverage.

        Earlier versions, whose bounds have no confidence, took the coverage of all: it grows while
        a trial that has lost classes draws the others better and better.
        """
        if self.classes is not None and "found_confidence" in self.bounds:
            return kept_classes(metrics, self.classes, self.bounds)
        return metrics[self.variety]


@torch.no_grad()
def feature_batches(net: AnyFeatures, images: Tensor) -> Tensor:
    """Return features [N, F] of images [N, ...], computed in parts to bound the memory."""
    at_once = FILE_BATCH if isinstance(net, FileFeatures) else BATCH
    return torch.cat([net.features(part) for part in torch.split(images, at_once)])
