"""A GPT over the tokens of an image, and its sampling, one token a step.

Esser et al., arXiv:2012.09841, section 3.2. B batch, T tokens, K codes, C channels.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gensweep_models.config import check, fixed
from gensweep_models.discrete.coded import CodedConfig
from gensweep_models.discrete.raster import at_place, inverse_cdf
from gensweep_models.game import Net
from gensweep_models.nets.transformer import Cache, Transformer

Drawn = tuple[Tensor, Tensor, Cache]
"""Tokens as far as drawn [B, T], the transformer's next input [B, C], and what it remembers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformerConfig(CodedConfig):
    """Settings of codes and of a transformer over their tokens."""

    prior_channels: int = fixed(64, at_least=1)
    prior_layers: int = fixed(4, at_least=1)
    prior_heads: int = fixed(4, at_least=1)

    def check_relations(self) -> None:
        """Raise ValueError for heads that do not divide the channels, too."""
        CodedConfig.check_relations(self)
        law, c = "prior_heads divides prior_channels", self.prior_channels
        fits = c % self.prior_heads == 0
        check(fits, law, prior_channels=c, prior_heads=self.prior_heads)


class TokenTransformer(nn.Module):
    """Logits [B, T, K] of tokens [B, T] in raster order, which begin with the class, if given."""

    def __init__(
        self, codes: int, length: int, channels: int, layers: int, heads: int, classes: int
    ) -> None:
        super().__init__()
        self.gpt = Transformer(codes, length, channels, layers, heads)
        self.classes = nn.Embedding(classes, channels) if classes else None

    def first(self, batch: int, y: Tensor | None = None) -> Tensor:
        """Return the input of the first place, [B, C]: the class, or a learned start."""
        told: Tensor | None = None if self.classes is None else self.classes(y)
        return self.gpt.first(batch, told)

    def forward(self, tokens: Tensor, y: Tensor | None = None) -> Tensor:
        """Logits of all tokens at once, for training."""
        logits: Tensor = self.gpt(tokens, self.first(len(tokens), y))
        return logits


def begin(net: Net, uniform: Tensor, y: Tensor | None) -> Drawn:
    """Begin images of classes `y` [B], whose tokens `uniform` [B, T] will choose."""
    first = net.first(uniform.shape[0], y)
    return torch.zeros_like(uniform, dtype=torch.int64), first, net.gpt.cache(first)


def draw(net: Net, drawn: Drawn, step: Tensor, uniform: Tensor, temperature: Tensor) -> Drawn:
    """Add one token; the cost does not grow with what is drawn, but for attention's."""
    tokens, told, kept = drawn
    logits, kept = net.gpt.step(told, step, kept)
    token = inverse_cdf(logits, at_place(uniform, step), temperature)
    here = torch.arange(tokens.shape[1], device=tokens.device) == step
    return torch.where(here, token[:, None], tokens), net.gpt.embed(token), kept


def decays(name: str) -> bool:
    """Choose what weight decay acts on: the weights of linear layers, as in GPT."""
    linear = ("query", "key", "value", "out", "widen", "narrow", "head")
    return name.endswith(".weight") and name.split(".")[-2] in linear
