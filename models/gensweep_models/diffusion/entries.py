"""The diffusion entries of the catalogue."""

from gensweep_models.diffusion.ddpm import DDPM_SPACE, Ddpm, DdpmConfig
from gensweep_models.diffusion.flow_matching import (
    FLOW_MATCHING_SPACE,
    FlowMatching,
    FlowMatchingConfig,
)
from gensweep_models.diffusion.glide import GLIDE_SPACE, Glide, GlideConfig
from gensweep_models.diffusion.guided_diffusion import (
    GUIDED_DIFFUSION_SPACE,
    GuidedDiffusion,
    GuidedDiffusionConfig,
)
from gensweep_models.diffusion.improved_ddpm import IMPROVED_DDPM_SPACE, ImprovedDdpmConfig
from gensweep_models.diffusion.latent_diffusion import (
    LATENT_DIFFUSION_SPACE,
    LatentDiffusion,
    LatentDiffusionConfig,
)
from gensweep_models.diffusion.rectified_flow import (
    RECTIFIED_FLOW_SPACE,
    RectifiedFlow,
    RectifiedFlowConfig,
)
from gensweep_models.diffusion.sr3 import SR3_SPACE, Sr3, Sr3Config
from gensweep_models.diffusion.sr3_cascade import (
    SR3_CASCADE_SPACE,
    Sr3Cascade,
    Sr3CascadeConfig,
)
from gensweep_models.game import Model

DIFFUSION = (
    Model("ddpm", "diffusion", "arXiv:2006.11239", DdpmConfig, Ddpm, DDPM_SPACE),
    Model(
        "improved_ddpm", "diffusion", "arXiv:2102.09672", ImprovedDdpmConfig, Ddpm,
        IMPROVED_DDPM_SPACE,
    ),
    Model(
        "guided_diffusion", "diffusion", "arXiv:2105.05233", GuidedDiffusionConfig,
        GuidedDiffusion, GUIDED_DIFFUSION_SPACE,
    ),
    Model("glide", "diffusion", "arXiv:2112.10741", GlideConfig, Glide, GLIDE_SPACE),
    Model("sr3", "diffusion", "arXiv:2104.07636", Sr3Config, Sr3, SR3_SPACE),
    Model(
        "sr3_cascade", "diffusion", "arXiv:2106.15282", Sr3CascadeConfig, Sr3Cascade,
        SR3_CASCADE_SPACE,
    ),
    Model(
        "latent_diffusion", "diffusion", "arXiv:2112.10752", LatentDiffusionConfig,
        LatentDiffusion, LATENT_DIFFUSION_SPACE,
    ),
    Model(
        "rectified_flow", "diffusion", "arXiv:2209.03003", RectifiedFlowConfig, RectifiedFlow,
        RECTIFIED_FLOW_SPACE,
    ),
    Model(
        "flow_matching", "diffusion", "arXiv:2210.02747", FlowMatchingConfig, FlowMatching,
        FLOW_MATCHING_SPACE,
    ),
)  # fmt: skip
