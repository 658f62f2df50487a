"""All models."""

from gensweep_models.adversarial.entries import ADVERSARIAL
from gensweep_models.diffusion.entries import DIFFUSION
from gensweep_models.discrete.entries import DISCRETE
from gensweep_models.flow.entries import FLOW
from gensweep_models.game import Model
from gensweep_models.variational.entries import VARIATIONAL

CATALOG: dict[str, Model] = {
    model.name: model for model in (*ADVERSARIAL, *VARIATIONAL, *DISCRETE, *FLOW, *DIFFUSION)
}
