"""The feature network of data without labels: principal components of the pixels."""

# N images, D numbers of one image, F features
from __future__ import annotations

import hashlib
import io

import torch
from torch import Tensor

from gensweep.errors import UserError

__all__ = ["Projection"]


class Projection:
    """The `size` directions in which the data vary most; weight-free and made in seconds.

    Distances in its features are those of blurred pixels: they tell lost variety and noise, not
    how real an image looks.
    """

    kind = "principal components of the pixels"

    def __init__(self, mean: Tensor, axes: Tensor) -> None:
        self.mean, self.axes = mean, axes

    @classmethod
    def fit(cls, images: Tensor, size: int = 64) -> Projection:
        """Fit to images [N, ...] in [-1, 1]; at most N - 1 and D components, with fixed signs.

        `UserError` for fewer than 2 images.
        """
        if len(images) < 2:
            raise UserError(f"principal components need 2 images or more, got {len(images)}")
        flat = images.flatten(1).double()
        mean = flat.mean(0)
        # Of the N x N products, so that the cost does not grow with the square of the pixels.
        values, vectors = torch.linalg.eigh((flat - mean) @ (flat - mean).T)
        wanted = min(size, len(flat) - 1, flat.shape[1])
        kept = [i for i in range(-1, -wanted - 1, -1) if values[i] > values[-1] * 1e-10]
        axes = (flat - mean).T @ vectors[:, kept] / values[kept].sqrt()
        largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
        return cls(mean.float(), (axes * largest.sign()).float())

    def features(self, images: Tensor) -> Tensor:
        """Return the coordinates [B, F] of images [B, ...]."""
        return (images.flatten(1) - self.mean) @ self.axes

    def to(self, device: torch.device | str) -> Projection:
        """Return the same projection on `device`."""
        return Projection(self.mean.to(device), self.axes.to(device))

    def save(self) -> bytes:
        """Write it as bytes, which `load` reads."""
        buffer = io.BytesIO()
        torch.save({"mean": self.mean, "axes": self.axes}, buffer)
        return buffer.getvalue()

    @classmethod
    def load(cls, data: bytes) -> Projection:
        """Read a projection from the bytes of `save`."""
        content = torch.load(io.BytesIO(data), weights_only=True)
        return cls(content["mean"], content["axes"])

    @property
    def hash(self) -> str:
        """Hash mean and axes by sha256, in hexadecimal."""
        digest = hashlib.sha256()
        for value in (self.mean, self.axes):
            digest.update(f"{list(value.shape)}".encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
        return digest.hexdigest()
