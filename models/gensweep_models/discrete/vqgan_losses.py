"""Losses of autoencoders against a critic: reconstruction, deceit, the ratio of their gradients.

Esser et al., arXiv:2012.09841, section 3.1, and CompVis/taming-transformers, `vqperceptual.py`.
"""

from collections.abc import Callable
from typing import Any, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from gensweep_models.adversarial.objectives import critic_metrics
from gensweep_models.config import check, fixed
from gensweep_models.game import DataShape, Loss, Net, Nets, Player, Tensors
from gensweep_models.nets.perceptual import (
    LEAST_SIDE,
    ClassifierFeatures,
    Features,
    LpipsFeatures,
    RandomFeatures,
    feature_distance,
)

OfImages = Callable[[Tensor], Tensor]
DELTA, MOST = 1e-6, 1e4
"""Added to a norm that divides, and the largest ratio; equation 7 and the authors' code."""


def features_field() -> Any:
    """Declare the kind of features of the perceptual loss."""
    note = "of the perceptual loss: random, the platform's classifier, or LPIPS' of VGG-16"
    return fixed("random", note, choices=get_args(Features))


def feature_weights_field() -> Any:
    """Declare the file of the features' weights."""
    return fixed("", "safetensors file of features that are not random")


def feature_player(config: Any, data: DataShape) -> Player:
    """Make the player of the perceptual loss, which never learns; ValueError for what misfits."""
    kind, file, shape = config.features, config.feature_weights, tuple(data.shape)
    law = "random features have no file, and others have one"
    check((kind == "random") == (not file), law, features=kind, feature_weights=file)
    if kind == "classifier":
        check(data.classes > 1, "a classifier has classes to tell apart", classes=data.classes)
    if kind == "lpips":
        law = f"sides have {LEAST_SIDE} pixels for VGG-16"
        check(min(shape[1:]) >= LEAST_SIDE, law, shape=shape)

    def build() -> nn.Module:
        if kind == "random":
            return RandomFeatures(config.feature_channels)
        return ClassifierFeatures(shape) if kind == "classifier" else LpipsFeatures()

    return Player(build, frozen=True, weights=file or None)


def reconstruction_loss(features: Net, x: Tensor, weight: Tensor) -> OfImages:
    """Mean absolute difference to `x`, and `weight` times that of features, of images."""
    wanted = features(x)

    def loss(images: Tensor) -> Tensor:
        return (images - x).abs().mean() + weight * feature_distance(features(images), wanted)

    return loss


def deceit_loss(critic: Net) -> OfImages:
    """Minus the mean score of images' patches; the critic's running statistics stay."""
    return lambda images: -critic.still(images).mean()


def patch_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Half of the critic's hinge loss, over the scores of patches."""
    return (relu(1 - real).mean() + relu(1 + fake).mean()) / 2


def adaptive_weight(last: Net, painted: Tensor, one: OfImages, other: OfImages) -> Tensor:
    """Return how much larger the gradient of one loss is than another's, a constant.

    Norms are of gradients at the weight of the `last` layer alone, which is fed `painted`;
    equation 7.
    """
    seen = painted.detach()

    def norm(loss: OfImages) -> Tensor:
        slope = torch.func.grad(lambda weight: loss(last.at({"weight": weight})(seen)))
        size: Tensor = slope(last.weight.detach()).norm()
        return size

    return (norm(one) / (norm(other) + DELTA)).clamp(max=MOST).detach()


def painted_loss(nets: Nets, x: Tensor, codes: Tensor, hyper: Tensors, start: float) -> Loss:
    """Loss of the images that "autoencoder" paints of `codes`; equations 4 to 7, but for codes.

    They are to be like `x`, and, from progress `start` on, to deceive "critic".
    """
    net = nets["autoencoder"]
    painted = net.paint(codes)
    error = reconstruction_loss(nets["features"], x, hyper["perceptual_weight"])
    deceit = deceit_loss(nets["critic"])
    images = net.last(painted)
    ratio = adaptive_weight(net.last, painted, error, deceit)
    plays = (hyper["progress"] >= start).to(x.dtype)
    reconstructed = error(images)
    metrics = {
        "distortion": (images - x).square().mean().detach(),
        "reconstruction": reconstructed.detach(),
        "adaptive_weight": ratio,
    }
    weight = plays * hyper["adversarial_weight"] * ratio
    return reconstructed + weight * deceit(images), metrics


def critic_loss(nets: Nets, x: Tensor, codes: Tensor) -> Loss:
    """`patch_loss` of images and of those painted of `codes`."""
    critic = nets["critic"]
    fake = critic(nets["autoencoder"].decode(codes).detach())
    real = critic(x)
    return patch_loss(real, fake), critic_metrics(real, fake)
