"""DCGAN: convolutions alone, batch normalisation, small initial weights (arXiv:1511.06434)."""

from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn

from gensweep_models.adversarial.objectives import critic_loss, critic_metrics, generator_loss
from gensweep_models.adversarial.truncation import (
    UNTRUNCATED,
    TruncatedSamples,
    truncation_field,
)
from gensweep_models.config import BaseConfig, fixed, lane, latent
from gensweep_models.game import DataShape, Loss, Nets, Player, Tensors
from gensweep_models.nets.conv import STEM, check_image
from gensweep_models.space import Dimension, Integer, Real

INITIAL_STD = 0.02
"""Of all weights, and of the gains of normalisations around 1. Section 4 has it of weights; that of
gains, and kernels of 4 x 4 (the paper's are 5 x 5), are of PyTorch's `examples/dcgan`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DcganConfig(BaseConfig):
    """Settings of a DCGAN; for images of 64 pixels the paper has 128 channels, that is 1024 maps
    of 4x4.
    """

    learning_rate: float = lane(2e-4, above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    ema: float = fixed(
        0.0, "decay of the averaged weights of samples; 0: the weights themselves, as in the paper",
        at_least=0, below=1,
    )  # fmt: skip
    latent_size: int = latent(100, at_least=1)
    truncation: float = truncation_field(UNTRUNCATED)
    channels: int = fixed(
        32, "of the largest maps; each halving of the sides doubles them", at_least=1
    )


DCGAN_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "beta1": Real(0.0, 0.9),
    "latent_size": Integer(8, 128, log=True),
    "truncation": Real(0.3, 3.0),
}


def generator(latent_size: int, shape: tuple[int, ...], channels: int) -> nn.Sequential:
    """z [B, Z] to images [B, *shape] in [-1, 1]: projected, reshaped, and doubled to their size."""
    side, doublings = STEM[shape[-1]]
    widths = [channels << step for step in reversed(range(doublings))]
    body: list[nn.Module] = [
        nn.Linear(latent_size, widths[0] * side**2, bias=False),
        nn.Unflatten(1, (widths[0], side, side)),
    ]
    for inputs, outputs in pairwise(widths):
        body += [nn.BatchNorm2d(inputs), nn.ReLU()]
        body += [nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False)]
    body += [nn.BatchNorm2d(widths[-1]), nn.ReLU()]
    body += [nn.ConvTranspose2d(widths[-1], shape[0], 4, 2, 1), nn.Tanh()]
    return nn.Sequential(*body).apply(_initialise)


def critic(shape: tuple[int, ...], channels: int) -> nn.Sequential:
    """Images [B, *shape] to logits [B, 1]; its first layer, on pixels, is not normalised."""
    side, halvings = STEM[shape[-1]]
    widths = [channels << step for step in range(halvings)]
    body: list[nn.Module] = [nn.Conv2d(shape[0], channels, 4, 2, 1), nn.LeakyReLU(0.2)]
    for inputs, outputs in pairwise(widths):
        body += [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)]
        body += [nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]
    body += [nn.Flatten(), nn.Linear(widths[-1] * side**2, 1)]
    return nn.Sequential(*body).apply(_initialise)


def _initialise(layer: nn.Module) -> None:
    """Draw weights from N(0, 0.02^2), gains from N(1, 0.02^2); biases are 0."""
    if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.BatchNorm2d):
        mean = 1.0 if isinstance(layer, nn.BatchNorm2d) else 0.0
        nn.init.normal_(layer.weight, mean, INITIAL_STD)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


class Dcgan(TruncatedSamples):
    """A generator of transposed against a critic of strided convolutions, the non-saturating loss.

    z is normal, as in all implementations since, where the paper has it uniform. Samples are
    normalised by running statistics.
    """

    def __init__(self, config: DcganConfig, data: DataShape) -> None:
        self.config, c, shape = config, config, data.shape
        check_image(shape)
        self.players = {
            "critic": Player(lambda: critic(shape, c.channels)),
            "generator": Player(
                lambda: generator(c.latent_size, shape, c.channels), ema=c.ema or None,
                # Statistics of the last weights are not those that averaged ones lead to.
                average_buffers=True,
            ),
        }  # fmt: skip
        self.noise = dict.fromkeys(self.players, self.z_noise(c.batch_size))

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Cross entropy of the critic, on batches all real or all generated; -log D of them."""
        fake: Tensor = nets["critic"](nets["generator"](noise["z"])).squeeze(-1)
        if player == "generator":
            return generator_loss("non_saturating", fake), {}
        real: Tensor = nets["critic"](batch["x"]).squeeze(-1)
        return critic_loss("non_saturating", real, fake), critic_metrics(real, fake)
