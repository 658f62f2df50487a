"""Improved DDPM: a cosine schedule and learned variances (Nichol and Dhariwal, arXiv:2102.09672).

A DDPM with other settings.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import get_args

from gensweep_models.config import fixed, lane, sampling
from gensweep_models.diffusion.ddpm import SAMPLE_STEPS, DdpmConfig
from gensweep_models.diffusion.denoising import Sampler, Variance
from gensweep_models.diffusion.process import NoiseSchedule
from gensweep_models.space import Categorical, Dimension, Real


@dataclass(frozen=True, kw_only=True, slots=True)
class ImprovedDdpmConfig(DdpmConfig):
    """Settings of an improved DDPM; the paper's, but for the network's size and no dropout."""

    learning_rate: float = lane(1e-4, above=0)
    steps: int = fixed(4000, "T", at_least=20)
    noise_schedule: NoiseSchedule = fixed("cosine", choices=get_args(NoiseSchedule))
    variance: Variance = fixed("learned", "of an ancestral step", choices=get_args(Variance))
    sampler: Sampler = sampling("ancestral", "process of sampling", choices=get_args(Sampler))


LEARNED = {"variance": ("learned",)}
IMPROVED_DDPM_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "noise_schedule": Categorical(("linear", "cosine")),
    "variance": Categorical(("small", "learned")),
    "bound_weight": Real(1e-4, 1e-2, log=True, when=LEARNED),
    "channels": Categorical((16, 32)),
    "sample_steps": SAMPLE_STEPS,
}
