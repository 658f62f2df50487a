"""What does guidance buy, and in how many steps?

Small class-conditional diffusions under both noise schedules, guided by what the same network
predicts without the class (arXiv:2207.12598) or by a classifier of noisy images (arXiv:2105.05233).
The report draws fidelity against variety of each trial along scales of guidance, from 0, which is
the conditional network, and along numbers of steps. A trial is ranked at a scale and a number of
steps of its own; whether it converged is told of samples without guidance.
"""

from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

SWEEP = Sweep(
    name="diffusion-guidance",
    model=CATALOG["guided_diffusion"],
    space={
        "guidance": Categorical(("classifier_free", "classifier")),
        "noise_schedule": Categorical(("linear", "cosine")),
        "sample_steps": Categorical((5, 10, 25)),
        "guidance_scale": Real(0.0, 4.0),
    },
    fixed={
        "channels": 16,
        "batch_size": 32,
        "steps": 200,
        "learning_rate": 1e-3,
        "classifier_learning_rate": 1e-3,
        "ema": 0.99,
    },
    data="digits",
    trials=8,
    budget_images=60_000,
    cluster={"trials": 60, "budget_images": 1_000_000},
    sampler="qmc",
    group_by="guidance",
    sampling_grids={
        "guidance_scale": (0.0, 0.5, 1.0, 2.0, 4.0),
        "sample_steps": (5, 10, 25),
        "truncation": (),
    },
    scatter=("precision", "recall", "guidance_scale"),
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
