"""The diffusion entries of the catalogue."""

from gensweep_models.diffusion.ddpm import DDPM_SPACE, Ddpm, DdpmConfig
from gensweep_models.diffusion.rectified_flow import (
    RECTIFIED_FLOW_SPACE,
    RectifiedFlow,
    RectifiedFlowConfig,
)
from gensweep_models.game import Model

DIFFUSION = (
    Model("ddpm", "diffusion", "arXiv:2006.11239", DdpmConfig, Ddpm, DDPM_SPACE),
    Model(
        "rectified_flow", "diffusion", "arXiv:2209.03003", RectifiedFlowConfig, RectifiedFlow,
        RECTIFIED_FLOW_SPACE,
    ),
)  # fmt: skip
