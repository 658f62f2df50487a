"""Latent diffusion: an autoencoder that keeps what eyes see, then a diffusion of its codes.

Rombach et al., arXiv:2112.10752, and the authors' code (CompVis/latent-diffusion). B batch, D
numbers of a code, H x W codes of an image.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, get_args

from torch import Tensor, nn

from gensweep_models.config import check, fixed, lane, sampling
from gensweep_models.diffusion.classifier_free import ClassifierFree
from gensweep_models.diffusion.denoising import DiffusionConfig, Variance
from gensweep_models.diffusion.first_stage import (
    CodeScale,
    NormalCodes,
    VectorCodes,
    kl_codes,
    vq_codes,
)
from gensweep_models.diffusion.guided_diffusion import SCALES
from gensweep_models.diffusion.process import NoiseSchedule
from gensweep_models.discrete.codebook import straight_through
from gensweep_models.discrete.vqgan_losses import critic_loss, painted_loss
from gensweep_models.discrete.vqgan_nets import GanAutoencoder
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.patch_critic import PatchCritic, halvings_of
from gensweep_models.nets.perceptual import PerceptualFeatures
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
    feature_channels: int = fixed(
        8, "of the network of the perceptual loss; VGG-16 has 64", at_least=1
    )
    feature_weights: str = fixed("", "safetensors file of that network; none: random weights")


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
}


class CodeDenoiser(UNet):
    """A U-Net of codes of variance 1, which it makes with its `scale`."""

    def __init__(self, shape: tuple[int, ...], channels: int, attention: bool, told: int) -> None:
        super().__init__(shape, channels, attention, condition=told)
        self.scale = CodeScale()


class LatentDiffusion(ClassifierFree):
    """Players: autoencoder; critic, which begins later; then the denoiser of their codes.

    "features" never learns. Codes are [B, D, H, W]; the networks of `autoencoder` have D last.
    """

    score_names = IMAGE_SCORES

    def __init__(self, config: LatentDiffusionConfig, data: DataShape) -> None:
        super().__init__(config, data)
        c, part, halvings = config, config.stage_fraction, self._halvings()
        self.pixels, self.halvings = self.shape, halvings
        self.shape = (c.code_size, *(side >> halvings for side in self.pixels[1:]))
        self.per_epoch = min(1.0, c.batch_size / data.count)
        self.classes, self.given = data.classes, ("y",) if data.classes else ()
        rate = "autoencoder_learning_rate"
        self.players = {
            "autoencoder": Player(self._autoencoder, "adam", rate, beta1=0.5, beta2=0.9, ends=part),
            "critic": Player(
                self._critic, "adam", rate, beta1=0.5, beta2=0.9, begins=part * c.critic_start,
                ends=part,
            ),
            "denoiser": Player(
                self.network, c.optimizer, schedule="linear" if c.decay else "constant", ema="ema",
                begins=part,
            ),
            "features": Player(self._features, frozen=True, weights=c.feature_weights or None),
        }  # fmt: skip
        kl = c.regulariser == "kl"
        grid, self.regularised = self.shape[1:], kl_codes if kl else vq_codes
        drawn = {"code": Noise((c.batch_size, *grid, c.code_size))} if kl else {}
        dropped = self.dropped_noise(c.batch_size) if self.classes else {}
        denoiser = self.corruption(c.batch_size) | drawn | dropped
        self.noise = {"autoencoder": drawn, "critic": drawn, "denoiser": denoiser}

    def _halvings(self) -> int:
        """How often the autoencoder halves the sides; ValueError for what it cannot."""
        colours, factor = (1, 3), self.config.factor
        fits = self.image and self.shape[0] in colours
        check(fits, f"images have {colours} channels", shape=self.shape)
        factor = factor or 1 << halvings_of(min(self.shape[1:]))
        law = "the factor divides the sides, and leaves 4 codes of each"
        fits = all(side % factor == 0 and side >= 4 * factor for side in self.shape[1:])
        check(fits, law, factor=factor, shape=self.shape)
        return factor.bit_length() - 1

    def _autoencoder(self) -> nn.Module:
        c, size = self.config, self.config.code_size
        normal = c.regulariser == "kl"
        book = NormalCodes() if normal else VectorCodes(c.codes, size, per_epoch=self.per_epoch)
        return GanAutoencoder(
            self.pixels[0], c.autoencoder_channels, self.halvings, c.blocks, size, book,
            vectors=2 * size if normal else size,
        )  # fmt: skip

    def _critic(self) -> nn.Module:
        return PatchCritic(self.pixels, self.config.critic_channels)

    def _features(self) -> nn.Module:
        return PerceptualFeatures(self.config.feature_channels)

    def network(self) -> nn.Module:
        """A U-Net for maps of codes."""
        c, told = self.config, self.classes + 1 if self.classes else 0
        return CodeDenoiser(self.shape, c.channels, c.attention, told)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        x, net = batch["x"], nets["autoencoder"]
        z = net.encode(x)
        drawn = net.codebook.drawn(z, noise)
        if player == "denoiser":
            return self._denoiser_loss(nets, drawn.movedim(-1, 1), batch, noise, hyper)
        codes = straight_through(drawn, net.codebook.snapped(drawn))
        if player == "critic":
            return critic_loss(nets, x, codes)
        loss, metrics = painted_loss(nets, x, codes, hyper, self.config.critic_start)
        penalty, told = self.regularised(net, z, noise, hyper, prod(self.pixels))
        return loss + penalty, metrics | told

    def _denoiser_loss(
        self, nets: Nets, codes: Tensor, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> Loss:
        """Mean squared error of the noise in scaled codes, at uniform times; equation 2."""
        net, t = nets["denoiser"], self.times(noise["t"])
        noisy = self.schedule.marginal(net.scale(codes), t, noise["epsilon"])
        told = self.told(batch, noise, hyper) if self.classes else {}
        error = self._noise(nets, noisy, t, told) - noise["epsilon"]
        return error.square().mean(), {"code_deviation": net.scale.deviation().detach()}

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
        return self.decoded(nets, x * nets["denoiser"].scale.deviation())

    def decoded(self, nets: Nets, codes: Tensor) -> Tensor:
        """Images in [-1, 1] of codes."""
        net = nets["autoencoder"]
        images: Tensor = net.decode(net.codebook.snapped(codes.movedim(1, -1)))
        return images.clamp(-1, 1)

    def encode(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> Tensor:
        """Images to codes, the posterior's mean, not scaled."""
        net = nets["autoencoder"]
        codes: Tensor = net.codebook.mean(net.encode(x))
        return codes.movedim(-1, 1)

    def reconstruct(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> Tensor:
        """Images through their codes and back; needs no noise."""
        return self.decoded(nets, self.encode(nets, x, noise, hyper))

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`: none."""
        return {}

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors, told: Any = None
    ) -> dict[str, Tensor]:
        """Scores of reconstructions beside their images: [B] each."""
        found = self.reconstruct(nets, batch["x"], noise, hyper)
        return reconstruction_scores(batch["x"], found, self.score_names)
