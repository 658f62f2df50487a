"""Variational autoencoder (Kingma and Welling, arXiv:1312.6114), its KL weighted (beta-VAE)."""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
# B batch, K importance samples, Z latent, D numbers of one example
from dataclasses import dataclass
from math import log, prod
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from gensweep_models.adversarial.truncation import mask_latent, truncated_normal, truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Nets, Noise, OptimizerName, Player, Tensors
from gensweep_models.losses import bernoulli_nll, gaussian_kl, gaussian_nll
from gensweep_models.nets import mlp
from gensweep_models.scores import IMAGE_SCORES, reconstruction_scores
from gensweep_models.space import Dimension, Integer, Real

Decoder = Literal["bernoulli", "gaussian"]
Binarise = Literal["none", "dynamic"]
SAMPLES_AT_ONCE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class VaeConfig(BaseConfig):
    """Settings of a VAE; those a decoder does not use are ignored."""

    learning_rate: float = lane(2e-3, above=0)
    kl_weight: float = lane(1.0, "weight of the rate against the distortion; 1: the ELBO", above=0)
    scale: float = lane(0.1, "standard deviation of the gaussian decoder", above=0)
    latent_size: int = latent(32, at_least=1)
    truncation: float = truncation_field(3.0)
    decoder: Decoder = fixed("bernoulli", choices=get_args(Decoder))
    binarise: Binarise = fixed(
        "none", "dynamic: pixels are drawn anew at every look", choices=get_args(Binarise)
    )
    hidden: int = fixed(256, at_least=1)
    layers: int = fixed(2, "hidden layers of the encoder and of the decoder; 0: linear", at_least=0)
    optimizer: OptimizerName = fixed("adam", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")

    def check_relations(self) -> None:
        """Raise ValueError for pixels that the decoder has no likelihood of."""
        binary = self.binarise == "none" or self.decoder == "bernoulli"
        law = "binarised pixels have decoder bernoulli"
        check(binary, law, binarise=self.binarise, decoder=self.decoder)


VAE_SPACE: dict[str, Dimension] = {
    "latent_size": Integer(2, 64, log=True),
    "kl_weight": Real(0.1, 10.0, log=True),
    "learning_rate": Real(1e-4, 1e-2, log=True),
}


class Autoencoder(nn.Module):
    """`("encode", x [B, D])` to mean and log-variance [B, Z]; `("decode", z [..., Z])` to D."""

    def __init__(self, numbers: int, latent_size: int, hidden: int, layers: int) -> None:
        super().__init__()
        body: list[nn.Module] = []
        if layers:
            body = [mlp(numbers, hidden, hidden, layers - 1), nn.ReLU()]
        self.body = nn.Sequential(*body)
        width = hidden if layers else numbers
        # two heads, for a padded latent is a leading block of each
        self.mean = nn.Linear(width, latent_size)
        self.log_variance = nn.Linear(width, latent_size)
        self.decoder = mlp(latent_size, numbers, hidden, layers)

    def forward(self, part: Literal["encode", "decode"], value: Tensor) -> tuple[Tensor, ...]:
        if part == "decode":
            return (self.decoder(value),)
        features = self.body(value)
        return self.mean(features), self.log_variance(features)


class Vae:
    """A Gaussian posterior and a factorised decoder. Images are modelled in [0, 1]."""

    log_prob_kind = "iwae"

    def __init__(self, config: VaeConfig, data: DataShape) -> None:
        self.config, self.shape, self.image = config, data.shape, len(data.shape) == 3
        law = "bernoulli decodes images; choose decoder gaussian for points"
        bernoulli = config.decoder == "bernoulli"
        check(self.image or not bernoulli, law, decoder=config.decoder, shape=data.shape)
        c, schedule = config, "linear" if config.decay else "constant"
        self.players = {"vae": Player(self._build, c.optimizer, schedule=schedule, ema=c.ema)}
        self.noise = {"vae": self.reconstruct_noise(c.batch_size)}

    @property
    def log_prob_of(self) -> str:
        """Describe, in words, the density that `log_prob` bounds."""
        if self.config.binarise == "dynamic":
            return "pixels binarised by a draw from their intensities"
        if self.config.decoder == "bernoulli":
            return "grey pixels under a Bernoulli: a cross entropy, not a likelihood"
        return "pixels in [0, 1], a density" if self.image else "points, a density"

    def _build(self) -> nn.Module:
        c = self.config
        return Autoencoder(prod(self.shape), c.latent_size, c.hidden, c.layers)

    def _target(self, x: Tensor, noise: Tensors) -> Tensor:
        """The target of the decoder, [B, D]."""
        x = ((x + 1) / 2 if self.image else x).flatten(1)
        if self.config.binarise == "none":
            return x
        return (x > noise["uniform"].flatten(1)).to(x.dtype)

    def _posterior(self, nets: Nets, target: Tensor, hyper: Tensors) -> tuple[Tensor, Tensor]:
        """Mean and log-variance [B, Z]; beyond the latent size those of the prior."""
        mean, log_variance = nets["vae"]("encode", target)
        size = hyper["latent_size"]
        return mask_latent(mean, size), mask_latent(log_variance, size)

    def _decode(self, nets: Nets, z: Tensor, hyper: Tensors) -> Tensor:
        """The decoder's raw output [..., D]."""
        out: Tensor = nets["vae"]("decode", mask_latent(z, hyper["latent_size"]))[0]
        return out

    def _nll(self, out: Tensor, target: Tensor, hyper: Tensors) -> Tensor:
        target = target.expand_as(out)
        if self.config.decoder == "bernoulli":
            return bernoulli_nll(out, target)
        return gaussian_nll(out.sigmoid() if self.image else out, hyper["scale"], target)

    def _mean(self, out: Tensor) -> Tensor:
        """The decoder's mean as data [..., *shape]."""
        x = 2 * out.sigmoid() - 1 if self.image else out
        return x.reshape(*out.shape[:-1], *self.shape)

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Distortion + kl_weight * rate in nats; weight 1 makes it minus the ELBO."""
        target = self._target(batch["x"], noise)
        mean, log_variance = self._posterior(nets, target, hyper)
        z = mean + (log_variance / 2).exp() * noise["epsilon"]
        distortion = self._nll(self._decode(nets, z, hyper), target, hyper).mean()
        rate = gaussian_kl(mean, log_variance).mean()
        metrics = {"rate": rate.detach(), "distortion": distortion.detach()}
        return distortion + hyper["kl_weight"] * rate, metrics

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """Uniform noise, from which `sample` makes truncated normal z."""
        return {"z": Noise((count, self.config.latent_size), "uniform", latent="latent_size")}

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors) -> Tensor:
        """The decoder's means [count, *shape], z truncated to ±hyper["truncation"]."""
        z = truncated_normal(noise["z"], hyper["truncation"])
        return self._mean(self._decode(nets, z, hyper))

    def log_prob_noise(self, batch: int, samples: int) -> dict[str, Noise]:
        """Noise of `log_prob` with that many importance samples."""
        epsilon = Noise((batch, samples, self.config.latent_size), latent="latent_size")
        return {"epsilon": epsilon} | self.encode_noise(batch)

    def log_prob(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The importance weighted bound on log p(x), nats [B]. IWAE, arXiv:1509.00519, eq. 8."""
        target = self._target(x, noise)
        mean, log_variance = self._posterior(nets, target, hyper)
        mean, log_variance, target = mean[:, None], log_variance[:, None], target[:, None]
        weights = []
        for epsilon in torch.split(noise["epsilon"], SAMPLES_AT_ONCE, 1):
            z = mean + (log_variance / 2).exp() * epsilon
            # beyond the latent size z is epsilon, and the two cancel
            prior_over_posterior = (epsilon.square() - z.square() + log_variance).sum(-1) / 2
            nll = self._nll(self._decode(nets, z, hyper), target, hyper)
            weights.append(prior_over_posterior - nll)
        return torch.cat(weights, 1).logsumexp(1) - log(noise["epsilon"].shape[1])

    def encode_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `encode` and `interpolate`: what binarises, if anything does."""
        if self.config.binarise == "none":
            return {}
        return {"uniform": Noise((batch, *self.shape), "uniform")}

    def encode(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The posterior's mean [B, Z], zero beyond the latent size."""
        return self._posterior(nets, self._target(x, noise), hyper)[0]

    def reconstruct_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `reconstruct` and of `loss`."""
        epsilon = Noise((batch, self.config.latent_size), latent="latent_size")
        return {"epsilon": epsilon} | self.encode_noise(batch)

    def reconstruct(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The decoder's means [B, *shape] at one draw of the posterior."""
        mean, log_variance = self._posterior(nets, self._target(x, noise), hyper)
        z = mean + (log_variance / 2).exp() * noise["epsilon"]
        return self._mean(self._decode(nets, z, hyper))

    @property
    def score_names(self) -> tuple[str, ...]:
        """Name what `scores` gives: of images also how alike they look."""
        return IMAGE_SCORES if self.image else ("reconstruction_error",)

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`, as of `reconstruct`."""
        return self.reconstruct_noise(batch)

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Scores of reconstructions beside their examples: [B] each."""
        reconstructed = self.reconstruct(nets, batch["x"], noise, hyper)
        return reconstruction_scores(batch["x"], reconstructed, self.score_names)

    def interpolate(
        self, nets: Nets, x: Tensor, end: Tensor, at: Tensor, noise: Tensors, hyper: Tensors
    ) -> Tensor:
        """Decoded straight lines between two batches' codes, [S, B, *shape] at fractions [S]."""
        first, last = (self.encode(nets, one, noise, hyper) for one in (x, end))
        z = torch.lerp(first, last, at[:, None, None])
        return self._mean(self._decode(nets, z, hyper))
