"""Generative adversarial networks (Goodfellow et al., arXiv:1406.2661) of many objectives.

What players minimise is a row of `OBJECTIVES`, what bounds the critic one of `PENALTIES`; on top
come cures for instability. The other systems of `variants` are this one with other settings.
B batch.
"""

from torch import Tensor, nn

from gensweep_models.adversarial.bodies import make_critic, make_generator
from gensweep_models.adversarial.cures import WithPast, anneal, feature_distance, pack
from gensweep_models.adversarial.gan_config import GanConfig
from gensweep_models.adversarial.objectives import (
    OBJECTIVES,
    critic_loss,
    critic_metrics,
    generator_loss,
    label_smoothing,
)
from gensweep_models.adversarial.truncation import TruncatedSamples
from gensweep_models.config import check
from gensweep_models.game import DataShape, Loss, Net, Nets, Noise, Player, Tensors


class Gan(TruncatedSamples):
    """A generator against a critic. Points are unbounded, images pass through tanh."""

    def __init__(self, config: GanConfig, data: DataShape) -> None:
        self.config, self.shape, self.image = config, tuple(data.shape), len(data.shape) == 3
        c, schedule = config, "linear" if config.decay else "constant"
        law = "images are in [-1, 1] as they are: point_scale = 1"
        check(not self.image or c.point_scale == 1, law, point_scale=c.point_scale)
        bound = "clip" if OBJECTIVES[c.objective].clips else None
        self.players = {
            "critic": Player(
                self._critic, c.optimizer, schedule=schedule, turns="critic_iterations",
                weight_bound=bound,
            ),
            "generator": Player(self._generator, c.optimizer, schedule=schedule, ema=c.ema),
        }  # fmt: skip
        self.noise = {"critic": self._noise(), "generator": self._noise()}
        if c.minibatch_kernels:  # no example has a score alone
            self.critic_values = None  # type: ignore[assignment, method-assign]
        if c.active_penalty:
            self.noise["critic"] |= c.active_penalty.noise(c.batch_size, self.shape)

    def _noise(self) -> dict[str, Noise]:
        c, each = self.config, Noise((self.config.batch_size, *self.shape))
        z = self.z_noise(c.batch_size)
        return z | ({"near_real": each, "near_fake": each} if c.instance_noise else {})

    def _generator(self) -> nn.Module:
        c = self.config
        net = make_generator(c.body, c.latent_size, self.shape, c.hidden, c.layers)
        return WithPast(net) if c.historical_averaging else net

    def _critic(self) -> nn.Module:
        c, shape = self.config, (self.config.packing * self.shape[0], *self.shape[1:])
        net = make_critic(
            c.body, shape, c.hidden, c.layers, norm=c.critic_norm, kernels=c.minibatch_kernels
        )
        return WithPast(net) if c.historical_averaging else net

    def _generate(self, nets: Nets, z: Tensor) -> Tensor:
        out: Tensor = nets["generator"](z).reshape(-1, *self.shape)
        return out.tanh() if self.image else out

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        real, fake = batch["x"] / self.config.point_scale, self._generate(nets, noise["z"])
        if self.config.instance_noise:
            scale, progress = hyper["noise_scale"], hyper["progress"]
            real = anneal(real, noise["near_real"], scale, progress)
            fake = anneal(fake, noise["near_fake"], scale, progress)
        real, fake = (pack(x, self.config.packing) for x in (real, fake))
        turn = self._critic_loss if player == "critic" else self._generator_loss
        loss, metrics = turn(nets["critic"], real, fake, noise, hyper)
        if self.config.historical_averaging:
            distance = nets[player].past(nets[player].net.parameters.values())
            metrics[f"{player}_history"] = distance.detach()
            loss = loss + hyper["history_weight"] * distance
        return loss, metrics

    def _generator_loss(
        self, critic: Net, real: Tensor, fake: Tensor, noise: Tensors, hyper: Tensors
    ) -> Loss:
        if self.config.feature_matching:
            return feature_distance(critic(real, features=True), critic(fake, features=True)), {}
        objective, score = self.config.objective, critic(fake).squeeze(-1)
        paired = OBJECTIVES[objective].paired
        return generator_loss(objective, score, critic(real).squeeze(-1) if paired else None), {}

    def _critic_loss(
        self, critic: Net, real: Tensor, fake: Tensor, noise: Tensors, hyper: Tensors
    ) -> Loss:
        c, on_fake, on_real = self.config, critic(fake).squeeze(-1), critic(real).squeeze(-1)
        loss = critic_loss(c.objective, on_real, on_fake)
        metrics = critic_metrics(on_real, on_fake)
        if c.normalised:
            metrics["sigma_critic"] = (critic.net if c.historical_averaging else critic).sigma()
        if OBJECTIVES[c.objective].labels:
            loss = loss + label_smoothing(on_real, hyper["label_smoothing"])
        if c.active_penalty:
            drawn = c.active_penalty.drawn(noise, c.packing)
            penalty = c.active_penalty(critic.still, real, fake.detach(), drawn)
            metrics["penalty"] = penalty.detach()
            loss = loss + hyper["penalty_weight"] * penalty
        return loss, metrics

    def critic_values(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Tensor:
        """The critic's scores [B], of each example beside itself where some are packed."""
        beside = pack(x.repeat_interleave(self.config.packing, 0), self.config.packing)
        scores: Tensor = nets["critic"](beside).squeeze(-1)
        return scores

    def generate(self, nets: Nets, z: Tensor, given: Tensors | None) -> Tensor:
        """Samples of z, [B, *shape]; nothing is given."""
        samples: Tensor = self._generate(nets, z) * self.config.point_scale
        return samples
