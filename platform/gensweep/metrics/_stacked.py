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
        self.base: int = round(classes ** (1 / self.channels))
        super().__init__((1, *shape[1:]), self.base, width, size)
        self.spec |= {"shape": list(shape), "classes": classes}
        self.classes = classes

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
        return (
            classes[:, None].div(self._places(classes), rounding_mode="floor").remainder(self.base)
        )

    def features(self, images: Tensor) -> Tensor:
        """Return penultimate activations [B, C F] of images [B, C, H, W] in [-1, 1]."""
        return super().features(images.flatten(0, 1)[:, None]).reshape(len(images), -1)

    def classify(self, features: Tensor) -> Tensor:
        """Return the likeliest class [B] by features [B, C F]."""
        digits = super().classify(features.view(len(features), self.channels, -1))
        return digits.mul(self._places(digits)).sum(-1)

    def confidence(self, features: Tensor) -> Tensor:
        """Return the probability [B] of the likeliest class by features [B, C F]."""
        return super().confidence(features.view(len(features), self.channels, -1)).prod(-1)

    def _places(self, like: Tensor) -> Tensor:
        """Return the value of each channel's digit in a class, [C]."""
        places = [self.base**power for power in reversed(range(self.channels))]
        return torch.tensor(places, device=like.device)
