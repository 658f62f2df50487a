"""The feature network: a fixed-seed classifier trained on the data set, addressed by hash."""

# B batch, C channels, F features
from __future__ import annotations

import hashlib
import io
import math
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["FeatureNet", "train_classifier"]

TELL_S = 5.0
"""Between two lines of how far training is."""


class FeatureNet(nn.Module):
    """Two convolutions and two dense layers; `features` is the penultimate layer.

    `classify` tells the class from features, and `confidence` how sure that is.
    """

    kind = "classifier, penultimate layer"

    def __init__(self, shape: tuple[int, ...], classes: int, width: int = 16, size: int = 64):
        super().__init__()
        channels, height, breadth = shape
        self.classes = classes
        stride = 1 if height < 16 else 2
        self.spec = {"shape": list(shape), "classes": classes, "width": width, "size": size}
        self.first = nn.Conv2d(channels, width, 3, stride, 1)
        self.second = nn.Conv2d(width, 2 * width, 3, 2, 1)
        cells = math.prod(-(-side // (2 * stride)) for side in (height, breadth))
        self.hidden = nn.Linear(2 * width * cells, size)
        self.head = nn.Linear(size, classes)

    def features(self, images: Tensor) -> Tensor:
        """Return penultimate activations [B, F] of images [B, C, H, W] in [-1, 1]."""
        hidden = functional.relu(self.second(functional.relu(self.first(images))))
        return functional.relu(self.hidden(hidden.flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        """Return logits [B, classes] of images [B, C, H, W]."""
        logits: Tensor = self.head(self.features(images))
        return logits

    def classify(self, features: Tensor) -> Tensor:
        """Return the likeliest class [B] by features [B, F]."""
        labels: Tensor = self.head(features).argmax(-1)
        return labels

    def confidence(self, features: Tensor) -> Tensor:
        """Return the probability [B] of the likeliest class by features [B, F]."""
        most: Tensor = self.head(features).softmax(-1).amax(-1)
        return most

    @property
    def hash(self) -> str:
        """Hash names, shapes and weights by sha256, in hexadecimal."""
        digest = hashlib.sha256()
        for name, value in sorted(self.state_dict().items()):
            digest.update(f"{name}{list(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()

    def save(self) -> bytes:
        """Write it as bytes, which `load` reads."""
        buffer = io.BytesIO()
        torch.save({"spec": self.spec, "weights": self.state_dict()}, buffer)
        return buffer.getvalue()

    @classmethod
    def load(cls, data: bytes) -> FeatureNet:
        """Read a network from the bytes of `save`."""
        content = torch.load(io.BytesIO(data), weights_only=True)
        net = cls(**{**content["spec"], "shape": tuple(content["spec"]["shape"])})
        net.load_state_dict(content["weights"])
        return net.eval()


def train_classifier(
    images: Tensor,
    labels: Tensor,
    classes: int,
    epochs: int | None = None,
    seed: int = 0,
    log: Callable[[str], None] = lambda line: None,
) -> FeatureNet:
    """Train a classifier on images [N, C, H, W] in [-1, 1] and labels [N] int64.

    Adam with a one-cycle learning rate (arXiv:1708.07120), by default 20 epochs below 10,000
    images and 4 above; `log` gets a line as it begins, and every few seconds. The same seed, data,
    machine and thread count give the same weights, hence the same hash.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = FeatureNet(tuple(images.shape[1:]), classes)
    small = len(images) < 10_000
    batch, epochs = (64 if small else 256), epochs or (20 if small else 4)
    optimizer = torch.optim.Adam(net.parameters())
    steps = epochs * -(-len(images) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 5e-3, total_steps=steps)
    log(f"feature network: {epochs} epochs of {len(images):,} images")
    told = time.monotonic()
    for _ in range(epochs):
        for index in torch.randperm(len(images), generator=generator).split(batch):  # type: ignore[no-untyped-call]
            optimizer.zero_grad()
            functional.cross_entropy(net(images[index]), labels[index]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            if time.monotonic() - told >= TELL_S:
                told = time.monotonic()
                log(f"feature network: {schedule.last_epoch / steps:.0%}")
    return net.eval()
