"""A GPT as the prior of a grid of codes: its settings, its part of the budget, its samples.

Esser et al., arXiv:2012.09841, section 3.2. B batch.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gensweep_models.config import check, fixed, lane
from gensweep_models.discrete.coded import OneGrid, token_nats
from gensweep_models.discrete.gpt import (
    Drawn,
    TokenTransformer,
    TransformerConfig,
    begin,
    decays,
    draw,
)
from gensweep_models.discrete.window import draw_in_window, random_windows
from gensweep_models.game import DataShape, Loss, Nets, Noise, Player, Tensors


@dataclass(frozen=True, kw_only=True, slots=True)
class GptPriorConfig(TransformerConfig):
    """Settings of codes and of a GPT over their tokens."""

    prior_learning_rate: float = lane(1e-3, above=0)
    class_conditional: bool = fixed(False, "the prior draws tokens of a class that is given")
    window: int = fixed(
        0, "side of the square of tokens that the prior sees at once; 0: all of them", at_least=0
    )


class GptPrior(OneGrid):
    """Codes of one grid, whose player "prior" learns last."""

    def __init__(self, config: Any, data: DataShape, halvings: int) -> None:
        super().__init__(config, data, halvings)
        told = config.class_conditional
        check(not told or data.classes > 0, "the data have classes", classes=data.classes)
        self.given = ("y",) if told else ()
        self.classes = data.classes if told else 0
        self.window = config.window if config.window < max(self.grid) else 0
        law = "the window is not higher or wider than the grid of tokens"
        check(self.window <= min(self.grid), law, window=config.window, grid=self.grid)
        corner = {"corner": Noise((config.batch_size, 2), "uniform")} if self.window else {}
        self.noise["prior"] = corner

    def prior_player(self) -> Player:
        """AdamW as for GPT, whose decay is of the weights of linear layers."""
        return Player(
            self._prior, "adamw", "prior_learning_rate", beta1=0.9, beta2=0.95, weight_decay=0.01,
            decays=decays, begins=self.config.stage_fraction, ema=self.config.ema,
        )  # fmt: skip

    def _prior(self) -> nn.Module:
        c, length = self.config, self.window**2 or self.sample_steps
        return TokenTransformer(
            c.codes, length, c.prior_channels, c.prior_layers, c.prior_heads, self.classes
        )

    def prior_loss(self, nets: Nets, batch: Tensors, noise: Tensors) -> Loss:
        """Cross entropy of the frozen autoencoder's tokens, in nats per token."""
        tokens = self.tokens(nets, batch["x"])
        if self.window:
            tokens = random_windows(tokens, noise["corner"], self.window)
        tokens = tokens.flatten(1)
        logits = nets["prior"](tokens, batch["y"] if self.given else None)
        loss = token_nats(logits.mT, tokens).mean()
        return loss, {"prior_nats": loss.detach()}

    def sample_begin(
        self, nets: Nets, noise: Tensors, hyper: Tensors, *given: Tensors
    ) -> Drawn | Tensor:
        """No tokens, and the start, which is the class if one is given."""
        u, y = noise["token"], given[0]["y"] if given else None
        if self.window:
            return torch.zeros_like(u, dtype=torch.int64)
        return begin(nets["prior"], u.flatten(1), y)

    def sample_step(
        self, nets: Nets, state: Any, step: Tensor, noise: Tensors, hyper: Tensors,
        *given: Tensors,
    ) -> Drawn | Tensor:  # fmt: skip
        """One more token of the prior."""
        prior, u, temperature = nets["prior"], noise["token"], hyper["temperature"]
        if self.window:
            y = given[0]["y"] if given else None
            return draw_in_window(prior, state, step, u, temperature, self.window, y)
        return draw(prior, state, step, u.flatten(1), temperature)

    def sample_end(self, nets: Nets, state: Any, hyper: Tensors, *given: Tensors) -> Tensor:
        """Images [count, *shape] of all tokens."""
        tokens = state if self.window else state[0].reshape(-1, *self.grid)
        return self.decode(nets, tokens)
