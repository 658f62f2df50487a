"""Latent diffusion: an autoencoder that keeps what eyes see, then a diffusion of its codes.

Rombach et al., arXiv:2112.10752, and the authors' code (CompVis/latent-diffusion). B batch, D
numbers of a code, H x W codes of an image.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from torch import Tensor, nn

from gensweep_models.config import fixed, lane, sampling
from gensweep_models.diffusion.classifier_free import ClassifierFree
from gensweep_models.diffusion.ddpm import SAMPLE_STEPS
from gensweep_models.diffusion.denoising import DiffusionConfig, Variance
from gensweep_models.diffusion.first_stage import FirstStage
from gensweep_models.diffusion.guided_diffusion import SCALES
from gensweep_models.diffusion.latent_codes import CodeScale
from gensweep_models.diffusion.noise_levels import level_losses
from gensweep_models.diffusion.process import NoiseSchedule
from gensweep_models.discrete.vqgan_losses import feature_weights_field, features_field
from gensweep_models.game import DataShape, Loss, Nets, Noise, Tensors
from gensweep_models.nets.perceptual import Features
from gensweep_models.nets.unet import UNet
from gensweep_models.scores import IMAGE_SCORES, reconstruction_scores
from gensweep_models.space import Categorical, Dimension, Real

Regulariser = Literal["kl", "vq"]


@dataclass(frozen=True, kw_only=True, slots=True)
class LatentDiffusionConfig(DiffusionConfig):
    """Settings of a latent diffusion; the authors', but for sizes.

    A class is told by its vector beside the time's, of which their cross attention to one token
    makes no more.
    """

    learning_rate: float = lane(1e-4, "of the denoiser", above=0)
    steps: int = fixed(1000, "T", at_least=20)
    noise_schedule: NoiseSchedule = fixed("scaled_linear", choices=get_args(NoiseSchedule))
    variance: Variance = fixed("small", "of an ancestral step", choices=("small", "large"))
    guidance_scale: float = sampling(
        0.0, "weight of guidance; 0: the conditional network", neutral=0.0, grid=SCALES, at_least=0
    )
    label_dropout: float = lane(0.1, "share of examples without their class", at_least=0, below=1)
    stage_fraction: float = fixed(0.5, "share of the budget for the autoencoder", above=0, below=1)
    autoencoder_learning_rate: float = lane(4.5e-4, "of its critic, too", above=0)
    autoencoder_channels: int = fixed(64, at_least=1)
    blocks: int = fixed(2, "residual blocks of the autoencoder at each side", at_least=0)
    factor: int = fixed(
        0, "f, by which sides shrink; 0: 2, from 16 pixels on 4, from 64 on 8",
        choices=(0, 1, 2, 4, 8, 16),
    )  # fmt: skip
    code_size: int = fixed(3, "D", at_least=1)
    regulariser: Regulariser = fixed("kl", "of codes", choices=get_args(Regulariser))
    kl_weight: float = lane(1e-6, "of the KL against an image's whole error; kl", at_least=0)
    codes: int = fixed(256, "of the codebook; vq", at_least=2)
    commitment_weight: float = lane(0.25, "pull of the codes on the encoder; vq", above=0)
    perceptual_weight: float = lane(1.0, at_least=0)
    adversarial_weight: float = lane(0.5, "factor of the adaptive weight", at_least=0)
    critic_start: float = fixed(
        0.3, "share of the autoencoder's part after which the critic plays", at_least=0, below=1
    )
    critic_channels: int = fixed(32, "of its first layer", at_least=1)
    features: Features = features_field()
    feature_channels: int = fixed(8, "of random features at their first scale", at_least=1)
    feature_weights: str = feature_weights_field()


KL, VQ = ({"regulariser": (one,)} for one in get_args(Regulariser))
LATENT_DIFFUSION_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "autoencoder_learning_rate": Real(1e-5, 1e-2, log=True),
    "regulariser": Categorical(get_args(Regulariser)),
    "kl_weight": Real(1e-7, 1e-2, log=True, when=KL),
    "commitment_weight": Real(0.1, 2.0, log=True, when=VQ),
    "adversarial_weight": Real(0.1, 2.0, log=True),
    "label_dropout": Real(0.05, 0.5),
    "guidance_scale": Real(0.0, 4.0),
    "sample_steps": SAMPLE_STEPS,
}


class CodeDenoiser(UNet):
    """A U-Net of codes of variance 1, which it makes with its `scale`."""

    def __init__(self, shape: tuple[int, ...], channels: int, attention: bool, told: int) -> None:
        super().__init__(shape, channels, attention, condition=told)
        self.scale = CodeScale()


class LatentDiffusion(ClassifierFree):
    """Players of the first stage, then "denoiser" of their codes, [B, D, H, W]."""

    score_names = IMAGE_SCORES

    def __init__(self, config: LatentDiffusionConfig, data: DataShape) -> None:
        self.stage = FirstStage(config, data)
        super().__init__(config, data)
        self.shape, self.classes = self.stage.shape, data.classes
        self.given = ("y",) if data.classes else ()
        denoiser = replace(self.player(self.network), begins=config.stage_fraction)
        self.players = {**self.stage.players, "denoiser": denoiser}
        dropped = self.dropped_noise(config.batch_size) if self.classes else {}
        drawn = self.stage.noise
        own = self.corruption(config.batch_size) | drawn | dropped
        self.noise = {"autoencoder": drawn, "critic": drawn, "denoiser": own}

    def network(self) -> nn.Module:
        """A U-Net for maps of codes."""
        c, told = self.config, self.classes + 1 if self.classes else 0
        return CodeDenoiser(self.shape, c.channels, c.attention, told)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The first stage's, or mean squared error of the noise in scaled codes; equation 2."""
        if player != "denoiser":
            return self.stage.loss(player, nets, batch["x"], noise, hyper)
        scale, t = nets["denoiser"].scale, self.times(noise["t"])
        codes = scale(self.stage.drawn(nets, batch["x"], noise))
        noisy = self.schedule.marginal(codes, t, noise["epsilon"])
        told = self.told(batch, noise, hyper) if self.classes else {}
        errors = (self._noise(nets, noisy, t, told) - noise["epsilon"]).square()
        metrics = {"code_deviation": scale.deviation().detach()}
        return errors.mean(), metrics | level_losses(errors, self.level(t))

    def _noise(self, nets: Nets, x: Tensor, t: Tensor, told: Tensors) -> Tensor:
        condition = self.condition_of(told) if self.classes else None
        out: Tensor = nets["denoiser"](x, t / self.config.steps, condition)
        return out

    def predict(
        self, nets: Nets, x: Tensor, t: Tensor, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """Scaled codes of the predicted noise."""
        return self.schedule.predicted(x, t, self._noise(nets, x, t, told)), None

    def denoised(
        self, nets: Nets, x: Tensor, t: Tensor, hyper: Tensors, told: Tensors
    ) -> tuple[Tensor, Tensor | None]:
        """`predict` with guidance; codes have no bounds to be clipped to."""
        x0, _ = self.predict(nets, x, t, told)
        if self.classes:
            x0 = x0 + hyper["guidance_scale"] * self.beyond(nets, x, t, told, x0)
        return x0, None

    def sample_end(self, nets: Nets, x: Tensor, hyper: Tensors, told: Any = None) -> Tensor:
        """Images [count, *pixels] of scaled codes."""
        return self.stage.decode(nets, x * nets["denoiser"].scale.deviation())

    def encode(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> Tensor:
        """Images to codes, the posterior's mean, not scaled."""
        return self.stage.encode(nets, x)

    def reconstruct(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> Tensor:
        """Images through their codes and back; needs no noise."""
        return self.stage.decode(nets, self.stage.encode(nets, x))

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`: none."""
        return {}

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> dict[str, Tensor]:
        """Scores of reconstructions beside their images: [B] each."""
        found = self.reconstruct(nets, batch["x"], noise, hyper)
        return reconstruction_scores(batch["x"], found, self.score_names)
