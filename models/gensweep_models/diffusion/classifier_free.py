"""Guidance without a classifier: a network learns with and without the class (arXiv:2207.12598).

B batch.
"""

import torch
from torch import Tensor

from gensweep_models.diffusion.denoising import Diffusion
from gensweep_models.game import Nets, Noise, Tensors
from gensweep_models.nets.projection import one_hot


class ClassifierFree(Diffusion):
    """A diffusion whose network is told one of `classes`, or their number: that it is not known."""

    classes: int

    def dropped_noise(self, batch: int) -> dict[str, Noise]:
        """Uniform numbers by which classes are dropped in training."""
        return {"dropped": Noise((batch,), "uniform")}

    def told(self, batch: Tensors, noise: Tensors, hyper: Tensors) -> dict[str, Tensor]:
        """The classes [B], a share of them dropped."""
        dropped = noise["dropped"] < hyper["label_dropout"]
        return {"y": torch.where(dropped, self.classes, batch["y"])}

    def condition_of(self, told: Tensors) -> Tensor:
        """The classes, or that they are not known, as one-hot vectors [B, classes + 1]."""
        return one_hot(told["y"], self.classes + 1)

    def beyond(self, nets: Nets, x: Tensor, t: Tensor, told: Tensors, x0: Tensor) -> Tensor:
        """The step from the x0 that is predicted without the class to `x0`; equation 6.

        Samples are shifted by a multiple of it: by 0 the network is the conditional one, by -1 that
        without classes.
        """
        unknown = {"y": torch.full_like(told["y"], self.classes)}
        return x0 - self.predict(nets, x, t, unknown)[0]
