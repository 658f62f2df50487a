"""What models of codes share: an autoencoder learns codes, then priors learn the tokens of images.

B batch, D numbers in a code. Tokens are int64 [B, ...], in raster order.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, get_args

from torch import Tensor

from gensweep_models.config import BaseConfig, check, fixed, lane, sampling
from gensweep_models.discrete.codebook import Codebook, Update, perplexity
from gensweep_models.game import DataShape, Nets, Noise, Tensors
from gensweep_models.nets.projection import one_hot
from gensweep_models.scores import IMAGE_SCORES, reconstruction_scores
from gensweep_models.stepped import Stepped

TEMPERATURES = (0.5, 0.75, 1.0, 1.25)
"""Along which fidelity is measured against variety."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodedConfig(BaseConfig):
    """Settings of codes, and of the two parts of the budget."""

    commitment_weight: float = lane(
        0.25, "pull of the codes on the encoder; beta in the paper", above=0
    )
    temperature: float = sampling(
        1.0, "divisor of the prior's logits", neutral=1.0, grid=TEMPERATURES, above=0
    )
    codebook: Update = fixed(
        "gradient", "how codes learn; ema: they follow averages", choices=get_args(Update)
    )
    codebook_decay: float = fixed(0.99, "of averaged codes, a batch", at_least=0, below=1)
    revival: float = fixed(
        0.0, "share of the mean use below which an averaged code begins anew; 0: never",
        at_least=0, below=1,
    )  # fmt: skip
    codes: int = fixed(64, at_least=2)
    code_size: int = fixed(4, "few numbers keep most codes in use", at_least=1)
    channels: int = fixed(64, "of the autoencoder", at_least=1)
    blocks: int = fixed(2, "residual blocks on either side of the codes", at_least=0)
    stage_fraction: float = fixed(0.5, "share of the budget for the autoencoder", above=0, below=1)
    ema: float = fixed(
        0.999, "of the prior; the codes must stay those it was trained on", at_least=0, below=1
    )

    def check_relations(self) -> None:
        """Raise ValueError for a revival of codes that learn by gradient."""
        revived = self.revival == 0 or self.codebook == "ema"
        check(revived, "revival is of codebook ema", revival=self.revival, codebook=self.codebook)


def token_maps(tokens: Tensor, codes: int) -> Tensor:
    """Tokens [B, ...] as one-hot maps [B, K, ...]."""
    return one_hot(tokens, codes).movedim(-1, 1)


def token_nats(logits: Tensor, tokens: Tensor) -> Tensor:
    """Cross entropy of tokens [B, ...] under logits [B, K, ...], in nats for each."""
    return -logits.log_softmax(1).gather(1, tokens[:, None]).squeeze(1)


class Coded(Stepped, ABC):
    """A game whose player "autoencoder" learns first, and whose sampler draws tokens."""

    def __init__(self, config: Any, data: DataShape, halvings: int) -> None:
        shape, factor = tuple(data.shape), 1 << max(2, halvings)
        fits = len(shape) == 3 and all(s >= 8 and s % factor == 0 for s in shape[1:])
        law = (
            f"the shape is C x H x W with H and W multiples of {factor} from 8 on; "
            "choose images, or gan for points"
        )
        check(fits, law, shape=shape)
        self.config, self.shape, self.halvings = config, shape, halvings
        self.per_epoch = min(1.0, config.batch_size / data.count)
        key = {"revival": Noise((), "key", per="lane")} if config.revival else {}
        self.noise: dict[str, dict[str, Noise]] = {"autoencoder": key}

    def new_codebook(self) -> Codebook:
        """Build a codebook as the configuration says."""
        c = self.config
        return Codebook(
            c.codes, c.code_size, per_epoch=self.per_epoch, update=c.codebook,
            decay=c.codebook_decay, revival=c.revival,
        )  # fmt: skip

    @abstractmethod
    def tokens(self, nets: Nets, x: Tensor) -> Tensor:
        """Images [B, *shape] to their tokens."""

    @abstractmethod
    def decode(self, nets: Nets, tokens: Tensor) -> Tensor:
        """Tokens to images [B, *shape] in [-1, 1]."""

    def encode(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, *given: Tensors
    ) -> Tensor:
        """Images [B, *shape] to their tokens; needs no noise."""
        return self.tokens(nets, x)

    def reconstruct(
        self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors, *given: Tensors
    ) -> Tensor:
        """Images [B, *shape] through their tokens and back; needs no noise."""
        return self.decode(nets, self.tokens(nets, x))

    score_names = IMAGE_SCORES

    def scores_noise(self, batch: int) -> dict[str, Noise]:
        """Noise of `scores`: none."""
        return {}

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors, *given: Tensors
    ) -> dict[str, Tensor]:
        """Scores of reconstructions beside their images: [B] each."""
        reconstructed = self.reconstruct(nets, batch["x"], noise, hyper)
        return reconstruction_scores(batch["x"], reconstructed, self.score_names)


class OneGrid(Coded):
    """Codes of one grid of tokens, int64 [B, H, W]."""

    def __init__(self, config: Any, data: DataShape, halvings: int) -> None:
        super().__init__(config, data, halvings)
        self.grid = (self.shape[1] >> halvings, self.shape[2] >> halvings)
        self.sample_steps = self.grid[0] * self.grid[1]

    def tokens(self, nets: Nets, x: Tensor) -> Tensor:
        """Images [B, *shape] to tokens."""
        net = nets["autoencoder"]
        tokens: Tensor = net.codebook.tokens(net.encode(x))
        return tokens

    def decode(self, nets: Nets, tokens: Tensor) -> Tensor:
        """Tokens to images [B, *shape]."""
        net = nets["autoencoder"]
        images: Tensor = net.decode(net.codebook.embed(tokens))
        return images.clamp(-1, 1)

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """One uniform number for each token."""
        return {"token": Noise((count, *self.grid), "uniform")}

    trait_names = ("code_usage",)
    summary_names = ("code_perplexity",)

    def scores(
        self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors, *given: Tensors
    ) -> dict[str, Tensor]:
        """Score reconstructions, [B] each, and tell the share [B, K] that a code has of tokens."""
        tokens = self.tokens(nets, batch["x"])
        usage = one_hot(tokens, self.config.codes).flatten(1, -2).mean(1)
        scored = reconstruction_scores(batch["x"], self.decode(nets, tokens), self.score_names)
        return {**scored, "code_usage": usage}

    def summarise(self, traits: Tensors) -> dict[str, Tensor]:
        """Count the codes in use over all examples."""
        return {"code_perplexity": perplexity(traits["code_usage"].mean(0))}
