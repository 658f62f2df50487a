"""What makes samples agree with their captions: guidance, temperature, or a choice among several?

Small DALL-Es (arXiv:2102.12092) on captions such as "a bold seven", whose words are the class and
what is measured in the image. The report draws fidelity against variety of each trial along scales
of guidance, from 0, which is the conditional transformer, temperatures, and numbers of candidates
of which one is kept. A trial is ranked at values of its own; `class_agreement` is the share of its
samples in which the classifier sees the caption's class. Whether it converged is told of samples
at scale 0 and temperature 1, without a choice.
"""

from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

SWEEP = Sweep(
    name="text-to-image",
    model=CATALOG["dalle"],
    space={
        "guidance_scale": Real(0.0, 4.0),
        "temperature": Real(0.5, 1.25),
        "candidates": Categorical((1, 4)),
    },
    fixed={
        "channels": 32,
        "prior_channels": 64,
        "prior_layers": 2,
        "batch_size": 64,
        "learning_rate": 2e-3,
        "prior_learning_rate": 2e-3,
        "relaxation": 0.5,
        "ema": 0.99,
    },
    data="digits",
    columns="caption",
    trials=8,
    budget_images=60_000,
    cluster={"trials": 60, "budget_images": 1_000_000},
    sampler="qmc",
    group_by="candidates",
    scatter=("class_agreement", "frechet", "guidance_scale"),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
