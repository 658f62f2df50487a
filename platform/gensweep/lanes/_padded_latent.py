"""Blanks what a padded latent has beyond a lane's own size, so that no game needs a mask.

Lanes of a pack share tensors as wide as the widest latent. Where z is zero, the weights that it
meets have no gradient, and those are zero from the start: the lane is that of its own size.
"""

from collections.abc import Mapping

from torch import Tensor

from gensweep.game import Noise

BLANK = {"normal": 0.0, "uniform": 0.5}
"""The middle of a distribution, which an inverse of a symmetric one's CDF maps to zero."""


def latent_fields(noise: Mapping[str, Noise]) -> dict[str, str]:
    """Return the names of noise whose last dimension is a latent size, to that field's name."""
    fields = {name: getattr(one, "latent", None) for name, one in noise.items()}
    return {name: field for name, field in fields.items() if field is not None}


def blank_(values: Tensor, kind: str, size: float | None) -> None:
    """Blank, in place, what the last dimension has beyond `size`; None: a fixed size, all of it."""
    if size is not None and size < values.shape[-1]:
        values[..., int(size) :] = BLANK[kind]
