"""A Gaussian posterior of codes, and the network that makes it. B batch, Z latent, D numbers."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn.functional import softplus

from gensweep_models.losses import gaussian_kl_each
from gensweep_models.variational.bodies import BodyConfig, Shape, make_decoder, make_encoder

Deviation = Literal["exp", "softplus"]
"""How a raw number becomes a standard deviation: exp(raw / 2), or softplus(raw)."""
SMALLEST = 1e-6
"""Added to a softplus, which may be 0 in float32."""


@dataclass(frozen=True, slots=True)
class Posterior:
    """N(mean, exp(log_variance)) of each example, [B, Z] or, for K draws, [B, 1, Z]."""

    mean: Tensor
    log_variance: Tensor

    def at(self, epsilon: Tensor) -> Tensor:
        """The codes of standard normal numbers."""
        return self.mean + (self.log_variance / 2).exp() * epsilon

    def of_many(self) -> "Posterior":
        """The same, of which several draws are taken: [B, 1, Z]."""
        return Posterior(self.mean[:, None], self.log_variance[:, None])

    def kl_each(self) -> Tensor:
        """KL to the standard normal of each number, in nats."""
        return gaussian_kl_each(self.mean, self.log_variance)

    def sampled_kl_each(self, z: Tensor, epsilon: Tensor) -> Tensor:
        """log q(z | x) - log p(z) of each number of z = at(epsilon), in nats: `kl_each` on average.

        Where the posterior is the prior, z is epsilon and the two cancel.
        """
        return (z.square() - epsilon.square() - self.log_variance) / 2


class VariationalNet(nn.Module):
    """Flat examples [B, D] to mean and log-variance [B, Z]; its `decoder` of [..., Z] to D."""

    def __init__(self, config: BodyConfig, latent: int, shape: Shape, deviation: Deviation) -> None:
        super().__init__()
        self.deviation = deviation
        self.body, width = make_encoder(config, shape)
        # two heads, for a padded latent is a leading block of each
        self.mean, self.raw = nn.Linear(width, latent), nn.Linear(width, latent)
        self.decoder = make_decoder(config, latent, shape)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(x)
        raw = self.raw(features)
        if self.deviation == "softplus":
            raw = 2 * (softplus(raw) + SMALLEST).log()
        return self.mean(features), raw
