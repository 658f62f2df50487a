"""Sampling in many like steps, which the engine takes one by one."""

from typing import Any

import torch
from torch import Tensor

from gensweep_models.game import Nets, Tensors


class Stepped:
    """Derives `sample` of a game from its `sample_begin`, `sample_step` and `sample_end`."""

    sample_steps: int
    sample_begin: Any
    sample_step: Any
    sample_end: Any

    def sample(self, nets: Nets, noise: Tensors, hyper: Tensors, *given: Tensors) -> Tensor:
        """Samples [count, *shape], all steps at once."""
        state = self.sample_begin(nets, noise, hyper, *given)
        for step in range(self.sample_steps):
            number = torch.tensor(step, device=next(iter(noise.values())).device)
            state = self.sample_step(nets, state, number, noise, hyper, *given)
        samples: Tensor = self.sample_end(nets, state, hyper, *given)
        return samples
