"""The feature network of images whose channels are images with classes of their own."""

# B batch, C channels, F features of a channel
from __future__ import annotations

from typing import Self

import torch
from torch import Tensor

from gensweep.metrics._classifier import FeatureNet, train_classifier

__all__ = ["StackedNet"]


class StackedNet(FeatureNet):
    """One classifier of one channel, which looks at each; `features` are all channels' [B, C F].

    A class is the number whose digits are the channels' classes, the first channel's in front.
    """

    kind = "classifier of each channel, penultimate layer"

    def __init__(self, shape: tuple[int, ...], classes: int, width: int = 16, size: int = 64):
        self.channels = shape[0]
        self.base = round(classes ** (1 / self.channels))
        super().__init__((1, *shape[1:]), self.base, width, size)
        self.spec |= {"shape": list(shape), "classes": classes}

    @classmethod
    def trained(cls, images: Tensor, labels: Tensor, classes: int) -> Self:
        """Train on the channels of images [N, C, H, W] in [-1, 1] with labels [N] of `classes`."""
        net = cls(tuple(images.shape[1:]), classes)
        digits = net.digits(labels).flatten()
        one = train_classifier(images.flatten(0, 1)[:, None], digits, net.base)
        net.load_state_dict(one.state_dict())
        return net.eval()

    def digits(self, classes: Tensor) -> Tensor:
        """Return the channels' own classes [B, C] of classes [B]."""
        return classes[:, None] // self._places(classes) % self.base

    def features(self, images: Tensor) -> Tensor:
        """Return penultimate activations [B, C F] of images [B, C, H, W] in [-1, 1]."""
        return (
            super()
            .features(images.flatten(0, 1)[:, None])
            .unflatten(0, images.shape[:2])
            .flatten(1)
        )

    def classify(self, features: Tensor) -> Tensor:
        """Return the likeliest class [B] by features [B, C F]."""
        digits = super().classify(features.unflatten(1, (self.channels, -1)))
        return (digits * self._places(digits)).sum(-1)

    def _places(self, like: Tensor) -> Tensor:
        powers = torch.arange(self.channels - 1, -1, -1, device=like.device)
        return self.base**powers
