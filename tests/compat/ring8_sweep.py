"""A sweep so small that its store is a test fixture: GANs of two objectives on a ring of points."""

from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Integer, Real

SWEEP = Sweep(
    name="ring8",
    model=CATALOG["gan"],
    space={
        "objective": Categorical(("non_saturating", "wasserstein")),
        "learning_rate": Real(3e-3, 3e-2, log=True),
        "latent_size": Integer(2, 4),
        "clip": Real(0.03, 0.3, log=True, when={"objective": ("wasserstein",)}),
    },
    fixed={"hidden": 16, "layers": 2, "batch_size": 32},
    data="ring8",
    trials=6,
    budget_images=64_000,
    sampler="qmc",
    by="objective",
    width=1,
)

if __name__ == "__main__":
    main(__doc__ or "", SWEEP)
