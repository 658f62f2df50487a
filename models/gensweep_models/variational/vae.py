"""Variational autoencoder (Kingma and Welling, arXiv:1312.6114), its KL weighted (beta-VAE).

Also with free bits (arXiv:1606.04934), and by importance weighted bounds (arXiv:1509.00519).
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
# B batch, K importance samples, Z latent, D numbers of one example
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from torch import Tensor

from gensweep_models.adversarial.truncation import mask_latent
from gensweep_models.config import check, fixed, lane
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Schedule, Tensors
from gensweep_models.grey_levels import Binarise, binarise_field
from gensweep_models.space import Dimension, Integer, Real
from gensweep_models.variational.bounds import (
    active_units,
    free_bits_deficit,
    importance_bound,
    rate_metrics,
)
from gensweep_models.variational.coded import Coded, CodedConfig
from gensweep_models.variational.likelihood import Decoder, Likelihood
from gensweep_models.variational.posterior import Deviation, Posterior, VariationalNet

Estimate = Literal["closed_form", "monte_carlo"]
SAMPLES_AT_ONCE = 50


@dataclass(frozen=True, kw_only=True, slots=True)
class VaeConfig(CodedConfig):
    """Settings of a VAE; those a decoder does not use are ignored."""

    learning_rate: float = lane(2e-3, above=0)
    kl_weight: float = lane(1.0, "weight of the rate against the distortion; 1: the ELBO", above=0)
    free_bits: float = lane(0.0, "nats that each latent number tells at no cost", at_least=0)
    scale: float = lane(0.1, "standard deviation of the gaussian decoder", above=0)
    decoder: Decoder = fixed("bernoulli", choices=get_args(Decoder))
    deviation: Deviation = fixed(
        "exp", "the posterior's, of a raw number: exp(raw / 2) or softplus(raw)",
        choices=get_args(Deviation),
    )  # fmt: skip
    kl_estimate: Estimate = fixed(
        "closed_form", "monte_carlo: at the z that is drawn", choices=get_args(Estimate)
    )
    importance_samples: int = fixed(1, "k of the bound that is maximised; 1: the ELBO", at_least=1)
    binarise: Binarise = binarise_field()
    eps: float = fixed(1e-8, "of the optimiser", above=0)

    def check_relations(self) -> None:
        """Raise ValueError for pixels without a likelihood, and free bits without a rate."""
        binary = self.binarise == "none" or self.decoder == "bernoulli"
        law = "binarised pixels have decoder bernoulli"
        check(binary, law, binarise=self.binarise, decoder=self.decoder)
        one, law = self.importance_samples == 1, "free bits have importance_samples 1"
        check(one or not self.free_bits, law, free_bits=self.free_bits)

    @property
    def schedule(self) -> str | Schedule:
        """The factor of the learning rate over the budget."""
        return "linear" if self.decay else "constant"


VAE_SPACE: dict[str, Dimension] = {
    "latent_size": Integer(2, 64, log=True),
    "kl_weight": Real(0.1, 10.0, log=True),
    "learning_rate": Real(1e-4, 1e-2, log=True),
}


class Vae(Coded):
    """A Gaussian posterior and a factorised decoder."""

    player = "vae"
    log_prob_kind = "iwae"
    collapse_bounds: ClassVar[Mapping[str, float]] = {"posterior_rate": 0.1}
    """Nats. A posterior that tells less of an example is the prior: posterior collapse."""

    def __init__(self, config: VaeConfig, data: DataShape) -> None:
        super().__init__(config, data)
        self.likelihood = Likelihood(config.decoder, config.binarise, self.image)
        c = config
        player = Player(self._build, c.optimizer, schedule=c.schedule, eps=c.eps, ema=c.ema)
        self.players = {"vae": player}
        samples, one = c.importance_samples, self.reconstruct_noise(c.batch_size)
        self.noise = {"vae": one if samples == 1 else self.log_prob_noise(c.batch_size, samples)}

    @property
    def log_prob_of(self) -> str:
        """Describe, in words, the data whose density `log_prob` bounds."""
        return self.likelihood.of

    def _build(self) -> VariationalNet:
        c = self.config
        return VariationalNet(c, c.latent_size, self.shape, c.deviation)

    def _target(self, x: Tensor, noise: Tensors) -> Tensor:
        """The target of the decoder, [B, D]."""
        return self.likelihood.target(self._flat(x), noise)

    def _posterior(self, nets: Nets, target: Tensor, hyper: Tensors) -> Posterior:
        """That of each target; beyond the latent size it is the prior."""
        mean, log_variance = nets["vae"](target)
        size = hyper["latent_size"]
        return Posterior(mask_latent(mean, size), mask_latent(log_variance, size))

    def _nll(self, nets: Nets, z: Tensor, target: Tensor, hyper: Tensors) -> Tensor:
        """-log p(x | z) in nats, [...] of z [..., Z]."""
        return self.likelihood.nll(self._decode(nets, z, hyper), target, hyper["scale"])

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Minus the bound in nats, the rate weighted: with weight 1 it is the ELBO, or IWAE's."""
        target = self._target(batch["x"], noise)
        posterior, epsilon = self._posterior(nets, target, hyper), noise["epsilon"]
        if self.config.importance_samples > 1:
            nll, kl = self._of_many(nets, target, posterior, epsilon, hyper)
            loss = -importance_bound(-nll - hyper["kl_weight"] * kl).mean()
            rate, distortion = kl.mean(), nll.mean()
            each = posterior.kl_each()
        else:
            z = posterior.at(epsilon)
            distortion = self._nll(nets, z, target, hyper).mean()
            drawn = self.config.kl_estimate == "monte_carlo"
            each = posterior.kl_each()
            rates = posterior.sampled_kl_each(z, epsilon) if drawn else each
            rate = rates.sum(-1).mean()
            lacking = free_bits_deficit(rates, hyper["free_bits"], hyper["latent_size"])
            loss = distortion + hyper["kl_weight"] * (rate + lacking)
        told = {"rate": rate, "distortion": distortion} | rate_metrics(each, hyper["latent_size"])
        return loss, {name: value.detach() for name, value in told.items()}

    def _of_many(
        self, nets: Nets, target: Tensor, posterior: Posterior, epsilon: Tensor, hyper: Tensors
    ) -> tuple[Tensor, Tensor]:
        """-log p(x | z) and log q(z | x) - log p(z) [B, K], z at epsilon [B, K, Z]."""
        posterior = posterior.of_many()
        z = posterior.at(epsilon)
        kl = posterior.sampled_kl_each(z, epsilon).sum(-1)
        return self._nll(nets, z, target[:, None], hyper), kl

    def log_prob_noise(self, batch: int, samples: int) -> dict[str, Noise]:
        """Noise of `log_prob` with that many importance samples."""
        epsilon = Noise((batch, samples, self.config.latent_size), latent="latent_size")
        return {"epsilon": epsilon} | self.encode_noise(batch)

    def log_prob(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The importance weighted bound on log p(x), nats [B]. IWAE, arXiv:1509.00519, eq. 8."""
        target = self._target(x, noise)
        posterior = self._posterior(nets, target, hyper)
        weights = []
        for epsilon in torch.split(noise["epsilon"], SAMPLES_AT_ONCE, 1):
            nll, kl = self._of_many(nets, target, posterior, epsilon, hyper)
            weights.append(-kl - nll)
        return importance_bound(torch.cat(weights, 1))

    @property
    def score_names(self) -> tuple[str, ...]:
        """Name what `scores` gives: how good reconstructions are, and what codes tell."""
        return (*super().score_names, "posterior_rate")

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors
    ) -> dict[str, Tensor]:
        """Score reconstructions, and measure the rate in nats, [B] each; tell means [B, Z]."""
        posterior = self._posterior(nets, self._target(batch["x"], noise), hyper)
        told = {"posterior_rate": posterior.kl_each().sum(-1), "posterior_mean": posterior.mean}
        return super().scores(nets, batch, noise, hyper) | told

    trait_names = ("posterior_mean",)
    summary_names = ("active_units",)

    def summarise(self, traits: Tensors) -> dict[str, Tensor]:
        """Count the latent numbers that tell examples apart."""
        return {"active_units": active_units(traits["posterior_mean"])}

    def encode_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `encode` and `interpolate`: what binarises, if anything does."""
        if self.config.binarise == "none":
            return {}
        return {"uniform": Noise((batch, *self.shape), "uniform")}

    def encode(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The posterior's mean [B, Z]."""
        return self._posterior(nets, self._target(x, noise), hyper).mean

    def reconstruct_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `reconstruct` and of the ELBO."""
        epsilon = Noise((batch, self.config.latent_size), latent="latent_size")
        return {"epsilon": epsilon} | self.encode_noise(batch)

    def reconstruct(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The decoder's means [B, *shape] at one draw of the posterior."""
        posterior = self._posterior(nets, self._target(x, noise), hyper)
        return self._mean(self._decode(nets, posterior.at(noise["epsilon"]), hyper))
