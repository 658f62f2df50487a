"""Autoencoder: an encoder to few numbers and a decoder back, trained to reconstruct.

Hinton and Salakhutdinov, Science 2006, doi:10.1126/science.1127647; a review: arXiv:2003.05991. It
has no law of codes: samples are decoded from a normal one fitted to them, and where no example's
code is they are invalid. B batch, Z latent, D numbers of one example.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor, nn

from gensweep_models.adversarial.truncation import UNTRUNCATED, mask_latent, truncation_field
from gensweep_models.config import check, fixed
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.losses import bernoulli_nll
from gensweep_models.scores import psnr, squared_error
from gensweep_models.space import Dimension, Integer, Real
from gensweep_models.variational.bodies import BodyConfig, Shape, make_decoder, make_encoder
from gensweep_models.variational.code_law import CodeLaw
from gensweep_models.variational.coded import Coded, CodedConfig

Criterion = Literal["squared_error", "cross_entropy"]
DENOISING_SCORES = ("denoised_psnr", "denoising_gain")


@dataclass(frozen=True, kw_only=True, slots=True)
class AutoencoderConfig(CodedConfig):
    """Settings of an autoencoder."""

    truncation: float = truncation_field(UNTRUNCATED)
    criterion: Criterion = fixed("squared_error", choices=get_args(Criterion))
    denoise_std: float = fixed(
        0.5, "standard deviation of the noise by which denoising is scored", above=0
    )


AUTOENCODER_SPACE: dict[str, Dimension] = {
    "latent_size": Integer(2, 64, log=True),
    "learning_rate": Real(1e-4, 1e-2, log=True),
}


class AutoencoderNet(nn.Module):
    """Flat examples [B, D] to codes [B, Z]; `decoder` of [..., Z] to D, and the codes' `law`."""

    def __init__(self, config: BodyConfig, latent: int, shape: Shape) -> None:
        super().__init__()
        self.body, width = make_encoder(config, shape)
        self.code = nn.Linear(width, latent)
        self.decoder = make_decoder(config, latent, shape)
        self.law = CodeLaw(latent)

    def forward(self, x: Tensor) -> Tensor:
        codes: Tensor = self.code(self.body(x))
        return codes


class Autoencoder(Coded):
    """A deterministic autoencoder, whose codes are given a law after the fact."""

    player = "autoencoder"

    def __init__(self, config: AutoencoderConfig, data: DataShape) -> None:
        super().__init__(config, data)
        law = "cross entropy is of images; choose criterion squared_error for points"
        fits = self.image or config.criterion == "squared_error"
        check(fits, law, criterion=config.criterion, shape=self.shape)
        self.denoise_std = config.denoise_std
        c, schedule = config, "linear" if config.decay else "constant"
        # the law that goes with averaged weights is the average of those of their codes
        player = Player(
            self._build, c.optimizer, schedule=schedule, ema=c.ema, average_buffers=True
        )
        self.players = {"autoencoder": player}
        self.noise = {"autoencoder": self.corruption_noise(c.batch_size)}

    def _build(self) -> AutoencoderNet:
        return AutoencoderNet(self.config, self.config.latent_size, self.shape)

    def corruption_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `corrupted`."""
        return {}

    def corrupted(self, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Examples [B, *shape] as the encoder sees them in training."""
        return x

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Mean over an example's numbers of the criterion, of the example as it is."""
        x = batch["x"]
        seen = self.corrupted(x, noise, hyper)
        codes = self.encode(nets, seen, noise, hyper)
        # of examples as they are, whose codes `encode` gives after training
        clean = codes if seen is x else self.encode(nets, x, noise, hyper)
        nets["autoencoder"].law(clean)
        out = self._decode(nets, codes, hyper)
        error = squared_error(self._mean(out), x).mean()
        if self.config.criterion == "squared_error":
            return error, {"distortion": error.detach()}
        entropy = bernoulli_nll(out, self._flat(x)).mean() / out.shape[-1]
        return entropy, {"distortion": error.detach()}

    def encode(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The codes [B, Z]."""
        return mask_latent(nets["autoencoder"](self._flat(x)), hyper["latent_size"])

    def reconstruct(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Examples [B, *shape] through their codes and back."""
        return self.decode(nets, self.encode(nets, x, noise, hyper), noise, hyper)

    def denoise(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Reconstructions of noisy examples [B, *shape], as of any others."""
        return self.reconstruct(nets, x, noise, hyper)

    def _prior(self, nets: Nets, z: Tensor) -> Tensor:
        """Codes [count, Z] of the fitted law."""
        codes: Tensor = nets["autoencoder"].law.draw(z)
        return codes

    @property
    def score_names(self) -> tuple[str, ...]:
        """Name what `scores` gives: of images also how well noise is taken off them."""
        return (*self.likeness, *DENOISING_SCORES) if self.image else self.likeness

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """The noise that denoising takes off again."""
        return {"noise": Noise((batch, *self.shape))} if self.image else {}

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Scores of reconstructions, and of denoised images beside noisy ones: [B] each."""
        x, found = batch["x"], super().scores(nets, batch, noise, hyper)
        if not self.image:
            return found
        noisy = x + self.denoise_std * noise["noise"]
        denoised = psnr(x, self.denoise(nets, noisy, noise, hyper))
        told = zip(DENOISING_SCORES, (denoised, denoised - psnr(x, noisy)), strict=True)
        return found | dict(told)
