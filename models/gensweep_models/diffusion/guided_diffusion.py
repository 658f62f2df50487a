"""Class-conditional diffusion whose samples are pushed towards their class.

By a classifier of noisy examples (Dhariwal and Nichol, arXiv:2105.05233), or by the distance from
what the same network predicts without the class (Ho and Salimans, arXiv:2207.12598).

B batch.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from gensweep_models.config import check, fixed, lane, sampling
from gensweep_models.diffusion.classifier_free import ClassifierFree
from gensweep_models.diffusion.ddpm import SAMPLE_STEPS, Ddpm
from gensweep_models.diffusion.improved_ddpm import ImprovedDdpmConfig
from gensweep_models.diffusion.process import beside
from gensweep_models.game import DataShape, Loss, Nets, Tensors
from gensweep_models.nets.unet import NoisyClassifier, PointDenoiser
from gensweep_models.space import Categorical, Dimension, Real

Guidance = Literal["classifier_free", "classifier"]
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Along which fidelity is measured against variety."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GuidedDiffusionConfig(ImprovedDdpmConfig):
    """Settings of a guided diffusion, an improved DDPM with classes."""

    steps: int = fixed(1000, "T", at_least=20)
    guidance: Guidance = fixed("classifier_free", choices=get_args(Guidance))
    guidance_scale: float = sampling(
        0.0, "weight of guidance; 0: the conditional network", neutral=0.0, grid=SCALES, at_least=0
    )
    label_dropout: float = lane(
        0.1, "share of examples without their class; classifier_free", at_least=0, below=1
    )
    classifier_learning_rate: float = lane(3e-4, above=0)


BY_CLASSIFIER, WITHOUT = ({"guidance": (one,)} for one in ("classifier", "classifier_free"))
GUIDED_DIFFUSION_SPACE: dict[str, Dimension] = {
    "guidance": Categorical(get_args(Guidance)),
    "guidance_scale": Real(0.0, 4.0),
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "label_dropout": Real(0.05, 0.5, when=WITHOUT),
    "classifier_learning_rate": Real(1e-5, 1e-2, log=True, when=BY_CLASSIFIER),
    "bound_weight": Real(1e-4, 1e-2, log=True),
    "sample_steps": SAMPLE_STEPS,
}


class GuidedDiffusion(ClassifierFree, Ddpm):
    """A denoiser that is told the class; with `classifier` guidance, one of noisy examples too."""

    given = ("y",)

    def __init__(self, config: GuidedDiffusionConfig, data: DataShape) -> None:
        classes = data.classes
        check(classes > 0, "the data have classes; choose improved_ddpm", classes=classes)
        self.classes, self.condition = classes, classes + 1
        super().__init__(config, data)
        self.free = config.guidance == "classifier_free"
        if self.free:
            self.noise["denoiser"] |= self.dropped_noise(config.batch_size)
        else:
            rate = "classifier_learning_rate"
            self.players["classifier"] = self.player(self._classifier, rate)
            self.noise["classifier"] = self.corruption(config.batch_size)

    def _classifier(self) -> nn.Module:
        c = self.config
        if self.image:
            return NoisyClassifier(self.shape, c.channels, self.classes)
        return PointDenoiser(prod(self.shape), c.hidden, c.layers, self.classes)

    def told(self, batch: Tensors, noise: Tensors, hyper: Tensors) -> dict[str, Tensor]:
        """The classes, some of them dropped, which is a class of its own."""
        return super().told(batch, noise, hyper) if self.free else {"y": batch["y"]}

    def called(self, nets: Nets, x: Tensor, time: Tensor, told: Tensors) -> Tensor:
        """The network's output, with the class as a vector."""
        out: Tensor = nets["denoiser"](x, time, self.condition_of(told))
        return out

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The denoiser's as ever; of the classifier the cross entropy on noisy examples."""
        if player == "denoiser":
            return super().loss(player, nets, batch, noise, hyper)
        t, y = self.times(noise["t"]), batch["y"]
        noisy = self.schedule.marginal(batch["x"], t, noise["epsilon"])
        logits = nets["classifier"](noisy, t / self.config.steps)
        accuracy = (logits.argmax(1) == y).float().mean()
        return cross_entropy(logits, y), {"noisy_accuracy": accuracy}

    def denoised(
        self, nets: Nets, x: Tensor, t: Tensor, hyper: Tensors, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """x0 with guidance: a shift of the predicted noise, as x0 is linear in that.

        By a classifier so for DDIM alone, arXiv:2105.05233, equation 14 and algorithm 2: ancestral
        steps are `shifted`.
        """
        x0, between = self.predict(nets, x, t, told)
        if self.free:
            shift = self.beyond(nets, x, t, told, x0)
        elif self.config.sampler == "ddim":
            kept = beside(self.schedule.alpha_bar(t), x)
            shift = ((1 - kept) / kept.sqrt()).to(x.dtype) * self._uphill(nets, x, t, told)
        else:
            return self.clipped(x0), between
        return self.clipped(x0 + hyper["guidance_scale"] * shift), between

    def shifted(
        self, nets: Nets, mean: Tensor, variance: Tensor, x: Tensor, t: Tensor, hyper: Tensors,
        told: Tensors,
    ) -> Tensor:  # fmt: skip
        """The mean, by a classifier moved by scale times variance uphill; algorithm 1."""
        if self.free:
            return mean
        return mean + hyper["guidance_scale"] * variance * self._uphill(nets, x, t, told)

    def _uphill(self, nets: Nets, x: Tensor, t: Tensor, told: Tensors) -> Tensor:
        """The gradient of log p(y | xt) with respect to xt."""
        classifier, time = nets["classifier"].still, t / self.config.steps

        def log_probability(noisy: Tensor) -> Tensor:
            return -cross_entropy(classifier(noisy, time), told["y"], reduction="sum")

        gradient: Tensor = torch.func.grad(log_probability)(x)
        return gradient
