"""All models."""

from dataclasses import replace

from gensweep_models.adversarial.entries import ADVERSARIAL
from gensweep_models.diffusion.entries import DIFFUSION
from gensweep_models.discrete.entries import DISCRETE
from gensweep_models.flow.entries import FLOW
from gensweep_models.game import Model
from gensweep_models.presets import presets_of
from gensweep_models.published import PUBLISHED
from gensweep_models.variational.entries import VARIATIONAL

CATALOG: dict[str, Model] = {
    model.name: replace(
        model, presets=presets_of(model.name), published=PUBLISHED.get(model.name, ())
    )
    for model in (*ADVERSARIAL, *VARIATIONAL, *DISCRETE, *FLOW, *DIFFUSION)
}
