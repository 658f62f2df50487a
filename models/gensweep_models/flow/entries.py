"""The normalising flows of the catalogue."""

from gensweep_models.flow.glow import GLOW_SPACE, Glow, GlowConfig
from gensweep_models.flow.nice import NICE_SPACE, Nice, NiceConfig
from gensweep_models.flow.realnvp import REALNVP_SPACE, Realnvp, RealnvpConfig
from gensweep_models.game import Model

FLOW = (
    Model("nice", "flow", "arXiv:1410.8516", NiceConfig, Nice, NICE_SPACE),
    Model("realnvp", "flow", "arXiv:1605.08803", RealnvpConfig, Realnvp, REALNVP_SPACE),
    Model("glow", "flow", "arXiv:1807.03039", GlowConfig, Glow, GLOW_SPACE),
)
