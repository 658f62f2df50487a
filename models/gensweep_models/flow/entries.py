"""The normalising flows of the catalogue."""

from gensweep_models.flow.realnvp import REALNVP_SPACE, Realnvp, RealnvpConfig
from gensweep_models.game import Model

FLOW = (Model("realnvp", "flow", "arXiv:1605.08803", RealnvpConfig, Realnvp, REALNVP_SPACE),)
