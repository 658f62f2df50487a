"""How large the loss of a diffusion is at each level of noise. B batch, Q quarters of levels."""

import torch
from torch import Tensor

QUARTERS = 4


def level_losses(errors: Tensor, level: Tensor) -> dict[str, Tensor]:
    """Return metrics of images' `errors` [B, ...] by their `level` [B] in [0, 1] of noise.

    Of points there are none: for so small a network they would make a turn 4 % longer.
    `level_loss.1` is of the quarter next to the data, `level_loss.4` of that next to noise: Q / B
    times the sum of its examples' mean errors. Their mean is that of all errors, and each is its
    quarter's mean loss on average over batches, even where few examples fall into one.
    """
    if errors.ndim < 4:
        return {}
    quarter = (level.detach() * QUARTERS).long().clamp(max=QUARTERS - 1)
    within = quarter[:, None] == torch.arange(QUARTERS, device=errors.device)
    sums = (errors.detach().flatten(1).mean(1)[:, None] * within).mean(0) * QUARTERS
    return {f"level_loss.{number}": one for number, one in enumerate(sums.unbind(), 1)}
