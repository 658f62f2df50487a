"""What one check is about: a model, a configuration of it and the shape of the data."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from gensweep.errors import UserError
from gensweep.frames import refusal
from gensweep.game import Game, Model
from gensweep.lanes import Pack, check_config
from gensweep.space import with_scope
from gensweep.testing._random_examples import RandomExamples

BATCH = 8
"""Examples of a batch in checks: laws hold for any number, and few are quick."""
BUDGET_IMAGES = 10_000
"""Budget of a lane in checks, of which they train a few steps."""
SAMPLE_STEPS = 3
"""Steps of a long sampler in checks, which judge no sample."""


@dataclass(frozen=True)
class Case:
    """A model with a configuration, on random examples of a shape.

    Batches are cut to `BATCH` examples.
    """

    model: Model
    config: Any
    data: RandomExamples

    @classmethod
    def of(cls, model: Model, data: RandomExamples, values: Mapping[str, Any]) -> "Case":
        """Take the model's defaults with some `values`; `UserError` if they will not do."""
        try:
            config = model.config(**values)
        except (TypeError, ValueError) as error:
            raise UserError(f"{model.name}: {error}") from error
        check_config(config, model.name)
        size = min(BATCH, int(config.batch_size))
        return cls(model, dataclasses.replace(config, batch_size=size), data)

    @cached_property
    def game(self) -> Game:
        """The game of the configuration; `UserError` if it refuses it, or the data, or fails."""
        try:
            return self.model.game(self.config, self.data)
        except Exception as error:  # of a model of somebody's own
            raise UserError(f"{self.model.name}: {refusal(error)}") from error

    def pack(self, width: int, config: Any = None, space: Mapping[str, Any] | None = None) -> Pack:
        """Build a pack of `width` lanes, of seeds 0, 1 and so on, that runs without traces."""
        own = self.config if config is None else config
        pack = Pack(self.model, own, self.data, self.data, width=width, space=space, trace=False)
        pack.most_sample_steps = SAMPLE_STEPS
        for slot in range(width):
            pack.load(slot, own, seed=slot, budget_images=BUDGET_IMAGES)
        return pack

    @property
    def latent_sizes(self) -> dict[str, int]:
        """The sizes that packs pad, by name."""
        return with_scope(self.config, "latent")
