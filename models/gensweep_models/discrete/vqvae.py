"""VQ-VAE: an autoencoder with discrete codes, then a PixelCNN prior over them.

Van den Oord et al., arXiv:1711.00937. B batch, K codes, D numbers in a code, H x W grid of tokens.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from gensweep_models.config import BaseConfig, check, fixed, lane, sampling
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.pixelcnn import PixelCNN
from gensweep_models.scores import IMAGE_SCORES, reconstruction_scores
from gensweep_models.space import Categorical, Dimension, Real

TEMPERATURES = (0.5, 0.75, 1.0, 1.25)
"""Along which fidelity is measured against variety."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VqVaeConfig(BaseConfig):
    """Settings of a VQ-VAE. Autoencoder and prior use one learning rate."""

    commitment_weight: float = lane(
        0.25, "pull of the codes on the encoder; beta in the paper", above=0
    )
    temperature: float = sampling(
        1.0, "divisor of the prior's logits", neutral=1.0, grid=TEMPERATURES, above=0
    )
    codes: int = fixed(64, at_least=2)
    code_size: int = fixed(4, "few numbers keep most codes in use", at_least=1)
    channels: int = fixed(64, "of the autoencoder", at_least=1)
    blocks: int = fixed(2, "residual blocks on either side of the codes", at_least=0)
    prior_channels: int = fixed(64, at_least=1)
    prior_layers: int = fixed(4, at_least=1)
    stage_fraction: float = fixed(0.5, "share of the budget for the autoencoder", above=0, below=1)
    ema: float = fixed(
        0.999, "of the prior; the codes must stay those it was trained on", at_least=0, below=1
    )


VQVAE_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "commitment_weight": Real(0.1, 2.0, log=True),
    "codes": Categorical((32, 64, 128, 256)),
}


def nearest(z: Tensor, codebook: Tensor) -> Tensor:
    """The token of the code nearest to each z: [..., D] and [K, D] to int64 [...]."""
    return (codebook.square().sum(-1) - 2 * z @ codebook.mT).argmin(-1)


def one_hot(tokens: Tensor, codes: int) -> Tensor:
    """int64 [...] to float32 [..., K]."""
    return (tokens[..., None] == torch.arange(codes, device=tokens.device)).float()


def straight_through(z: Tensor, quantised: Tensor) -> Tensor:
    """`quantised` forwards, and its gradient to z backwards (arXiv:1711.00937, section 3.2)."""
    return z + (quantised - z).detach()


def perplexity(tokens: Tensor, codes: int) -> Tensor:
    """Count the codes in use: the exponential of the entropy of the tokens' histogram."""
    share = one_hot(tokens.flatten(), codes).mean(0)
    entropy: Tensor = torch.special.entr(share).sum()
    return entropy.exp()


def inverse_cdf(logits: Tensor, uniform: Tensor, temperature: Tensor) -> Tensor:
    """A token of softmax(logits / temperature) for each u in [0, 1): [B, K], [B] to int64 [B]."""
    cdf = (logits / temperature).double().softmax(-1).cumsum(-1)
    below = (cdf <= uniform[:, None].double()).sum(-1)
    return below.clamp(max=logits.shape[-1] - 1)


Part = Literal["encode", "quantise", "embed", "decode"]
"""Images to z [B, H, W, D]; z to tokens [B, H, W]; tokens to codes [B, H, W, D]; to images."""


class Residual(nn.Module):
    """x + f(x), f two convolutions after ReLU (arXiv:1711.00937, section 4.1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Autoencoder(nn.Module):
    """Encoder, codebook [K, D] and decoder. `forward` does the part that is named."""

    def __init__(self, config: VqVaeConfig, channels: int, halvings: int) -> None:
        super().__init__()
        w = config.channels
        down: list[nn.Module] = []
        for step in range(halvings):
            down += [nn.Conv2d(w if step else channels, w, 4, 2, 1), nn.ReLU()]
        blocks = [Residual(w) for _ in range(config.blocks)]
        self.encoder = nn.Sequential(
            *down,
            nn.Conv2d(w, w, 3, padding=1),
            *blocks,
            nn.ReLU(),
            nn.Conv2d(w, config.code_size, 1),
        )
        up: list[nn.Module] = []
        for step in range(halvings):
            up += [
                nn.ReLU(),
                nn.ConvTranspose2d(w, channels if step + 1 == halvings else w, 4, 2, 1),
            ]
        blocks = [Residual(w) for _ in range(config.blocks)]
        self.decoder = nn.Sequential(nn.Conv2d(config.code_size, w, 3, padding=1), *blocks, *up)
        self.codebook = nn.Parameter(torch.empty(config.codes, config.code_size))
        # wider than z, so that many codes are near to some z from the start
        nn.init.normal_(self.codebook, std=0.3)

    def forward(self, x: Tensor, part: Part) -> Tensor:
        if part == "encode":
            z: Tensor = self.encoder(x)
            return z.movedim(1, -1)
        if part == "quantise":
            return nearest(x, self.codebook)
        if part == "embed":
            return one_hot(x, self.codebook.shape[0]) @ self.codebook
        images: Tensor = self.decoder(x.movedim(-1, 1))
        return images.tanh()


class VqVae:
    """The autoencoder learns in the first part of the budget, then the prior on its tokens."""

    def __init__(self, config: VqVaeConfig, data: DataShape) -> None:
        shape = tuple(data.shape)
        fits = len(shape) == 3 and all(s >= 8 and s % 4 == 0 for s in shape[1:])
        law = (
            "the shape is C x H x W with H and W multiples of 4 from 8 on; "
            "choose images, or gan for points"
        )
        check(fits, law, shape=shape)
        self.config, self.shape = config, shape
        self.halvings = 1 if min(shape[1:]) < 16 else 2
        self.grid = (shape[1] >> self.halvings, shape[2] >> self.halvings)
        part = config.stage_fraction
        self.players = {
            "autoencoder": Player(self._autoencoder, ends=part),
            "prior": Player(self._prior, ema=config.ema, begins=part),
        }
        self.noise: dict[str, dict[str, Noise]] = {"autoencoder": {}, "prior": {}}

    def _autoencoder(self) -> nn.Module:
        return Autoencoder(self.config, self.shape[0], self.halvings)

    def _prior(self) -> nn.Module:
        c = self.config
        return PixelCNN(c.codes, c.prior_channels, c.prior_layers)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        if player == "prior":
            return self._prior_loss(nets, batch["x"])
        return self._autoencoder_loss(nets["autoencoder"], batch["x"], hyper["commitment_weight"])

    def _autoencoder_loss(self, net: Callable[..., Tensor], x: Tensor, weight: Tensor) -> Loss:
        """Equation 3 with a normal likelihood of variance 1/2, each term a mean."""
        z = net(x, "encode")
        tokens = net(z, "quantise")
        codes = net(tokens, "embed")
        error = mse_loss(net(straight_through(z, codes), "decode"), x)
        codebook, commitment = mse_loss(codes, z.detach()), mse_loss(z, codes.detach())
        metrics = {
            "distortion": error.detach(),
            "commitment": commitment.detach(),
            "perplexity": perplexity(tokens, self.config.codes),
        }
        return error + codebook + weight * commitment, metrics

    def _prior_loss(self, nets: Nets, x: Tensor) -> Loss:
        """Cross entropy of the frozen autoencoder's tokens, in nats per token."""
        target = one_hot(self._tokens(nets, x), self.config.codes).movedim(-1, 1)
        logits = nets["prior"](target)
        loss = -(target * logits.log_softmax(1)).sum(1).mean()
        return loss, {"prior_nats": loss.detach()}

    def _tokens(self, nets: Nets, x: Tensor) -> Tensor:
        tokens: Tensor = nets["autoencoder"](nets["autoencoder"](x, "encode"), "quantise")
        return tokens

    def decode(self, nets: Nets, tokens: Tensor) -> Tensor:
        """int64 [B, H, W] to images [B, *shape]."""
        images: Tensor = nets["autoencoder"](nets["autoencoder"](tokens, "embed"), "decode")
        return images

    def encode(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Images [B, *shape] to tokens, int64 [B, H, W]; needs no noise."""
        return self._tokens(nets, x)

    def reconstruct(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """Images [B, *shape] through their tokens and back; needs no noise."""
        return self.decode(nets, self._tokens(nets, x))

    score_names = IMAGE_SCORES

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`: none."""
        return {}

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Scores of reconstructions beside their images: [B] each."""
        reconstructed = self.reconstruct(nets, batch["x"], noise, hyper)
        return reconstruction_scores(batch["x"], reconstructed, self.score_names)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """One uniform number for each token."""
        return {"token": Noise((count, *self.grid), "uniform")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """Samples [count, *shape]: token after token in raster order, then decoded."""
        return self.decode(nets, self.sample_tokens(nets, noise["token"], hyper["temperature"]))

    def sample_tokens(self, nets: Nets, uniform: Tensor, temperature: Tensor) -> Tensor:
        """Tokens, int64 [B, H, W], of the prior by its conditionals' inverse CDFs."""
        height, width = self.grid
        place = torch.arange(height * width, device=uniform.device).reshape(height, width)
        tokens = torch.zeros_like(uniform, dtype=torch.int64)
        for i in range(height):
            for j in range(width):
                # the rows below have no part in this row's logits
                seen = one_hot(tokens[:, : i + 1], self.config.codes).movedim(-1, 1)
                logits = nets["prior"](seen)[:, :, i, j]
                drawn = inverse_cdf(logits, uniform[:, i, j], temperature)
                tokens = torch.where(place == i * width + j, drawn[:, None, None], tokens)
        return tokens
