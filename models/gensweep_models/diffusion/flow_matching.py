"""Conditional flow matching (Lipman et al., arXiv:2210.02747): rectified flow on other paths."""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from gensweep_models.config import fixed, lane, sampling
from gensweep_models.diffusion.rectified_flow import (
    NUMBERS_OF_STEPS,
    RATE,
    WIDTH,
    RectifiedFlow,
    RectifiedFlowConfig,
    Solver,
)
from gensweep_models.game import Tensors
from gensweep_models.space import Categorical, Dimension, Real

Path = Literal["optimal_transport", "diffusion"]
BETA_MIN, BETA_MAX = 0.1, 20.0
"""Of the variance preserving diffusion; section 6, as in arXiv:2011.13456."""
LATEST = 1 - 1e-5
"""Time up to which the diffusion path is trained, whose velocity has no bound at 1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowMatchingConfig(RectifiedFlowConfig):
    """Settings of flow matching."""

    learning_rate: float = lane(5e-4, above=0)
    path: Path = fixed("optimal_transport", "from noise to an example", choices=get_args(Path))
    sigma_min: float = lane(
        1e-4, "deviation around an example at time 1; optimal_transport", at_least=0, below=1
    )
    solver: Solver = sampling("midpoint", "of the differential equation", choices=get_args(Solver))


FLOW_MATCHING_SPACE: dict[str, Dimension] = {
    "learning_rate": RATE,
    "path": Categorical(get_args(Path)),
    "sigma_min": Real(1e-5, 1e-1, log=True, when={"path": ("optimal_transport",)}),
    "channels": WIDTH,
    "steps": NUMBERS_OF_STEPS,
}


class FlowMatching(RectifiedFlow):
    """A network that predicts the velocity of points on Gaussian paths around each example."""

    config: FlowMatchingConfig

    def path(self, x: Tensor, z: Tensor, t: Tensor, hyper: Tensors) -> tuple[Tensor, Tensor]:
        """Points at times `t` in [0, 1], and their velocities; equations 22 and 23, or 19."""
        if self.config.path == "diffusion":
            return diffusion_path(x, z, t)
        left = 1 - hyper["sigma_min"]
        return (1 - left * t) * z + t * x, x - left * z


def diffusion_path(x: Tensor, z: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The variance preserving diffusion backwards: its point from noise `z`, and its velocity."""
    s = 1 - t.clamp(max=LATEST)
    exponent = s * BETA_MIN + s.square() * (BETA_MAX - BETA_MIN) / 2
    mean, rate = (exponent / -2).exp(), (BETA_MIN + s * (BETA_MAX - BETA_MIN)) / 2
    deviation = (-torch.expm1(-exponent)).sqrt()
    velocity = rate * mean * (x - mean * z / deviation)
    return mean * x + deviation * z, velocity
