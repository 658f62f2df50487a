"""The law of an example given its code: independent pixels. B batch, D numbers of one example."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from gensweep_models.config import check
from gensweep_models.game import Tensors
from gensweep_models.grey_levels import BINARISED, Binarise
from gensweep_models.losses import bernoulli_nll, gaussian_nll

Decoder = Literal["bernoulli", "gaussian"]


@dataclass(frozen=True, slots=True)
class Likelihood:
    """Bernoulli or normal numbers; those of an `image` lie in [0, 1]."""

    decoder: Decoder
    binarise: Binarise
    image: bool

    def __post_init__(self) -> None:
        law = "bernoulli decodes images; choose decoder gaussian for points"
        check(self.image or self.decoder != "bernoulli", law, decoder=self.decoder)

    @property
    def of(self) -> str:
        """Describe, in words, the data that have a density."""
        if self.binarise == "dynamic":
            return BINARISED
        if self.decoder == "bernoulli":
            return "grey pixels under a Bernoulli: a cross entropy, not a likelihood"
        return "pixels in [0, 1], a density" if self.image else "points, a density"

    def target(self, x: Tensor, noise: Tensors) -> Tensor:
        """The target of the decoder for examples [B, D]: themselves, or pixels drawn from them."""
        if self.binarise == "none":
            return x
        return (x > noise["uniform"].flatten(1)).to(x.dtype)

    def nll(self, out: Tensor, target: Tensor, scale: Tensor) -> Tensor:
        """-log p(target) in nats [...], of a decoder's raw output [..., D]."""
        target = target.expand_as(out)
        if self.decoder == "bernoulli":
            return bernoulli_nll(out, target)
        return gaussian_nll(out.sigmoid() if self.image else out, scale, target)
