"""DALL-E: a discrete VAE, then one transformer over the tokens of captions and of images.

Ramesh et al., arXiv:2102.12092. Bodies are those of the VQ-VAE, and attention is dense: there are
few tokens. B batch, N tokens of an image.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

from torch import Tensor, nn

from gensweep_models.captions import Captions
from gensweep_models.config import fixed, lane, sampling
from gensweep_models.discrete.bodies import decoder, encoder
from gensweep_models.discrete.codebook import perplexity
from gensweep_models.discrete.coded import OneGrid, token_nats
from gensweep_models.discrete.discrete_vae import (
    DiscreteVae,
    RelaxedCodebook,
    fallen,
    logit_laplace_nll,
    relaxed,
    uniform_kl,
)
from gensweep_models.discrete.gpt import TransformerConfig, decays
from gensweep_models.discrete.text_prior import Drawn, TextThenImage, begin, best_of, draw
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors
from gensweep_models.nets.projection import one_hot
from gensweep_models.space import Categorical, Dimension, Real

Quantiser = Literal["gumbel", "nearest"]
SCALES = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Along which fidelity is measured against variety."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DalleConfig(TransformerConfig):
    """Settings of a DALL-E; the paper's, but for sizes and the share of annealing."""

    learning_rate: float = lane(1e-4, "of the autoencoder", above=0)
    prior_learning_rate: float = lane(4.5e-4, "of the transformer", above=0)
    quantiser: Quantiser = fixed(
        "gumbel", "tokens by a relaxed draw, or by the nearest code", choices=get_args(Quantiser)
    )
    kl_weight: float = lane(
        1.0, "beta of the KL to the uniform law, 6.6 at the paper's 192 numbers a token; gumbel",
        at_least=0,
    )  # fmt: skip
    relaxation: float = lane(1 / 16, "last temperature of the relaxed draw; gumbel", above=0)
    annealed: float = fixed(
        0.5, "share of the autoencoder's part in which beta rises and that temperature falls",
        above=0, at_most=1,
    )  # fmt: skip
    image_weight: float = lane(7.0, "of the images' loss beside the texts'", at_least=0)
    caption_dropout: float = lane(0.1, "share of examples without a text", at_least=0, below=1)
    guidance_scale: float = sampling(
        0.0, "weight of guidance; 0: the conditional transformer", neutral=0.0, grid=SCALES,
        at_least=0,
    )  # fmt: skip
    candidates: int = sampling(
        1, "images drawn of each text, of which that one is kept that tells most of it",
        neutral=1, grid=(1, 2, 4), log=True, at_least=1,
    )  # fmt: skip
    caption: str = fixed("caption", "column of texts; where there is none, names of classes")
    text_length: int = fixed(64, "bytes of a text that are read, at most", at_least=1)


GUMBEL, NEAREST = ({"quantiser": (one,)} for one in get_args(Quantiser))
DALLE_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "prior_learning_rate": Real(1e-5, 1e-2, log=True),
    "quantiser": Categorical(get_args(Quantiser)),
    "kl_weight": Real(0.1, 10.0, log=True, when=GUMBEL),
    "relaxation": Real(1 / 16, 1.0, log=True, when=GUMBEL),
    "commitment_weight": Real(0.1, 2.0, log=True, when=NEAREST),
    "codes": Categorical((64, 128)),
    "caption_dropout": Real(0.05, 0.5),
    "guidance_scale": Real(0.0, 4.0),
    "temperature": Real(0.5, 1.25),
    "candidates": Categorical((1, 2, 4)),
}


class Dalle(OneGrid):
    """The autoencoder learns first, then "prior", the transformer, on texts and its tokens.

    Samples are of texts that are given. No classifier is seen: `candidates` are ranked by what the
    transformer itself finds the text's probability to be, given the image.
    """

    def __init__(self, config: DalleConfig, data: DataShape) -> None:
        super().__init__(config, data, 1 if min(data.shape[1:], default=0) < 16 else 2)
        c, part = config, config.stage_fraction
        self.captions = Captions(data, c.caption, c.text_length)
        self.given, self.relaxes = self.captions.given, c.quantiser == "gumbel"
        self.players = {
            "autoencoder": Player(
                self._autoencoder, "adamw", weight_decay=1e-4, schedule="cosine", ends=part
            ),
            "prior": Player(
                self._prior, "adamw", "prior_learning_rate", beta1=0.9, beta2=0.96,
                weight_decay=4.5e-2, decays=decays, schedule="warmup_cosine", max_grad_norm=4.0,
                begins=part, ema=c.ema,
            ),
        }  # fmt: skip
        if self.relaxes:
            self.noise["autoencoder"] = {"relaxed": Noise((c.batch_size,), "key")}
        self.noise["prior"] = {"dropped": Noise((c.batch_size,), "uniform")}

    def _autoencoder(self) -> nn.Module:
        c, channels, halvings = self.config, self.shape[0], self.halvings
        relaxes = self.relaxes
        book = RelaxedCodebook(c.codes, c.code_size) if relaxes else self.new_codebook()
        outputs = c.codes if relaxes else c.code_size
        return DiscreteVae(
            encoder(channels, c.channels, halvings, c.blocks, outputs),
            decoder(c.code_size, c.channels, halvings, c.blocks, 2 * channels),
            book,
        )

    def _prior(self) -> nn.Module:
        c, text = self.config, self.captions
        return TextThenImage(
            (text.codes, text.length), (c.codes, self.grid[0] * self.grid[1]),
            c.prior_channels, c.prior_layers, c.prior_heads,
        )  # fmt: skip

    def loss(self, player: str, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """The player's objective, a scalar, and its metrics."""
        if player == "prior":
            return self._prior_loss(nets, batch, noise, hyper)
        if self.relaxes:
            return self._relaxed_loss(nets, batch["x"], noise, hyper)
        return self._nearest_loss(nets, batch["x"], noise, hyper)

    def _relaxed_loss(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Loss:
        """The relaxed bound, in nats of a pixel, with a weight of KL; section 2.1, appendix A.2."""
        net, progress, share = nets["autoencoder"], hyper["progress"], self.config.annealed
        logits = net.encode(x)
        temperature = fallen(progress, hyper["relaxation"], share)
        codes = net.codebook.mixed(relaxed(logits, temperature, noise["relaxed"]))
        error, kl = logit_laplace_nll(x, net.paint(codes)).mean(), uniform_kl(logits).mean()
        per_pixel = self.sample_steps / prod(self.shape)
        weight = hyper["kl_weight"] * (progress / share).clamp(max=1) * per_pixel
        used = one_hot(logits.argmax(-1), self.config.codes).flatten(0, -2).mean(0)
        metrics = {"pixel_nats": error, "kl": kl, "perplexity": perplexity(used)}
        return error + weight * kl, {name: one.detach() for name, one in metrics.items()}

    def _nearest_loss(self, nets: Nets, x: Tensor, noise: Tensors, hyper: Tensors) -> Loss:
        """Equation 3 of the VQ-VAE, arXiv:1711.00937, with the same likelihood."""
        net = nets["autoencoder"]
        z = net.encode(x)
        found = net.codebook(z)
        error = logit_laplace_nll(x, net.paint(found.through)).mean()
        metrics = {
            "pixel_nats": error.detach(),
            "commitment": found.commitment.detach(),
            "perplexity": net.codebook.follow(z, found.tokens, noise.get("revival")),
        }
        return error + found.codebook + hyper["commitment_weight"] * found.commitment, metrics

    def _prior_loss(self, nets: Nets, batch: Tensors, noise: Tensors, hyper: Tensors) -> Loss:
        """Cross entropies of texts and of images, in nats per token, weighted; section 2.2."""
        told = self.captions.without(batch, noise["dropped"] < hyper["caption_dropout"])
        text, image = self.captions.tokens(told), self.tokens(nets, batch["x"]).flatten(1)
        logits = nets["prior"](text, image)
        nats = [token_nats(of.mT, t).mean() for of, t in zip(logits, (text, image), strict=True)]
        weight = hyper["image_weight"]
        metrics = {"text_nats": nats[0].detach(), "prior_nats": nats[1].detach()}
        return (nats[0] + weight * nats[1]) / (1 + weight), metrics

    def sample_noise(self, count: int) -> dict[str, Noise]:
        """One uniform number for each token of each candidate."""
        return {"token": Noise((count, self.config.candidates, self.sample_steps), "uniform")}

    def sample_begin(self, nets: Nets, noise: Tensors, hyper: Tensors, told: Tensors) -> Drawn:
        """No tokens, and what the transformer remembers of the texts."""
        u, each = noise["token"].flatten(0, 1), self.config.candidates
        text, empty = (
            self.captions.tokens(one).repeat_interleave(each, 0)
            for one in (told, self.captions.empty(told))
        )
        return begin(nets["prior"], text, empty, u)

    def sample_step(
        self, nets: Nets, state: Drawn, step: Tensor, noise: Tensors, hyper: Tensors, told: Tensors
    ) -> Drawn:
        """One more token of each candidate."""
        u = noise["token"].flatten(0, 1)
        return draw(nets["prior"], state, step, u, hyper["temperature"], hyper["guidance_scale"])

    def sample_end(self, nets: Nets, state: Drawn, hyper: Tensors, told: Tensors) -> Tensor:
        """Images [count, *shape] of the best candidates."""
        tokens = best_of(state, self.config.candidates)
        return self.decode(nets, tokens.reshape(-1, *self.grid))
