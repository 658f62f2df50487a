"""The same as a sweep of gensweep's."""

import sys

from ring8_gan import BETAS, LATENTS, RATES, ROUNDS, SAMPLES, SIZES, TRIALS

from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Integer, Real

SIZE = sys.argv.pop(1)

SWEEP = Sweep(
    name=f"throughput-{SIZE}",
    model=CATALOG["gan"],
    space={
        "learning_rate": Real(*RATES, log=True),
        "beta1": Real(*BETAS),
        "latent_size": Integer(*LATENTS, log=True),
    },
    fixed={"batch_size": SIZES[SIZE]["batch"], "hidden": SIZES[SIZE]["hidden"]},
    data="ring8",
    trials=TRIALS[SIZE],
    budget_images=ROUNDS * SIZES[SIZE]["batch"],
    samples=SAMPLES,
    target="high_quality",
    rungs=1,
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
