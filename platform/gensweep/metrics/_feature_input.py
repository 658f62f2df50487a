"""The input protocol of a feature network that comes as a file: how images are made into it."""

# B batch, C channels
from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gensweep.errors import UserError

__all__ = ["INPUTS", "FeatureInput", "feature_input"]


@dataclass(frozen=True, kw_only=True, slots=True)
class FeatureInput:
    """Scales images in [-1, 1] to what a network takes; grey ones get three channels."""

    low: float = 0.0
    high: float = 1.0
    """Values of a black and of a white pixel, before mean and standard deviation."""

    in_bytes: bool = True
    """Whether pixels are rounded to 256 levels first, as those of an image file."""

    size: int | None = None
    """Pixels of both sides after resizing; None: as they are, or the network resizes them."""

    mode: str = "bilinear"
    antialias: bool = False
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)

    @property
    def protocol(self) -> dict[str, object]:
        """The statement of it, as JSON."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}

    def prepare(self, images: Tensor) -> Tensor:
        """Return the input [B, 3, H, W] of images [B, C, H, W] in [-1, 1]; `UserError` if C is
        neither 1 nor 3."""
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise UserError(f"features of a file are of images with 1 or 3 channels, but examples "
                            f"are {tuple(images.shape[1:])}: leave --features out.")  # fmt: skip
        x = images.expand(-1, 3, -1, -1).clamp(-1, 1)
        x = (x + 1) / 2
        x = (x * 255).round() / 255 if self.in_bytes else x
        x = x * (self.high - self.low) + self.low
        if self.size is not None:
            side = (self.size, self.size)
            x = functional.interpolate(
                x, side, mode=self.mode, align_corners=False, antialias=self.antialias
            )
        mean, std = (torch.tensor(v, device=x.device).view(1, -1, 1, 1)
                     for v in (self.mean, self.std))  # fmt: skip
        prepared: Tensor = (x - mean) / std
        return prepared


INPUTS = {
    # bioinf-jku/TTUR feeds bytes to a graph that resizes and scales by itself, as does NVIDIA's
    # TorchScript of it (inception-2015-12-05.pt).
    "ttur": FeatureInput(high=255.0),
    # mseitzer/pytorch-fid, of those weights: 0 to 1, which its InceptionV3 resizes and scales.
    "pytorch-fid": FeatureInput(),
    # layer6ai-labs/dgm-eval (arXiv:2306.04675): ImageNet's mean and deviation at 224 pixels.
    "dinov2": FeatureInput(
        size=224, mode="bicubic", antialias=True, mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
    "as-is": FeatureInput(low=-1.0, in_bytes=False),
}  # fmt: skip
"""Name to the protocol of a known network."""


def feature_input(name: str) -> FeatureInput:
    """Look a protocol up by its name; `UserError` lists the known ones.

    >>> feature_input("dinov2").size
    224
    """
    if name not in INPUTS:
        raise UserError(f"feature_input={name!r} is unknown: choose from {', '.join(INPUTS)}.")
    return INPUTS[name]
