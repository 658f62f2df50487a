"""Systems that are a `Gan` with other settings: each paper's, by default, and a space around them.

Spaces are those of Lucic et al., arXiv:1711.10337, where they compare the system. Networks are
narrower than the papers'. Beyond the papers, samples are drawn with averaged weights (`ema=0`
undoes it) of latents truncated at 2 (`truncation=8`), and but for WGAN and LGAN learning rates fall
to zero (`decay=False`), as in WGAN-GP's code.
"""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from dataclasses import dataclass
from typing import get_args

from gensweep_models.adversarial.gan import Gan
from gensweep_models.adversarial.gan_config import GanConfig, PenaltyChoice
from gensweep_models.adversarial.objectives import Objective
from gensweep_models.config import fixed, lane, latent
from gensweep_models.game import Model, OptimizerName
from gensweep_models.space import Categorical, Dimension, Real

PENALTIES = get_args(PenaltyChoice)
CONVEX: tuple[Objective, ...] = (
    "lipschitz", "lipschitz_exp", "lipschitz_sqrt", "wasserstein_gp",
)  # fmt: skip
"""LGAN's family."""
SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "beta1": Real(0.0, 0.999),
    "critic_iterations": Categorical((1, 5)),
}
BATCH_NORM = {"batch_norm": Categorical((False, True))}
"""Of those without a penalty; the comparison's first search had it with penalties, too."""
CLIP = {"clip": Real(1e-3, 1.0, log=True)}
PENALTY_WEIGHT = {"penalty_weight": Real(0.1, 100.0, log=True)}


@dataclass(frozen=True, kw_only=True, slots=True)
class MinimaxConfig(GanConfig):
    """The game of section 3 itself, which saturates where the critic wins."""

    objective: Objective = fixed("minimax", choices=("minimax",))


@dataclass(frozen=True, kw_only=True, slots=True)
class LsganConfig(GanConfig):
    """Least squares GAN (Mao et al.)."""

    objective: Objective = fixed("least_squares", choices=("least_squares",))
    batch_size: int = fixed(64, at_least=1)
    latent_size: int = latent(64, at_least=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class DraganConfig(GanConfig):
    """A penalty around the data (Kodali et al.)."""

    penalty: PenaltyChoice = fixed("dragan", choices=PENALTIES)
    learning_rate: float = lane(1e-4, above=0)
    batch_size: int = fixed(64, at_least=1)
    latent_size: int = latent(64, at_least=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class R3ganConfig(GanConfig):
    """Relativistic pairing with R1 and R2 (Huang et al.), at the rates that they begin with."""

    objective: Objective = fixed("relativistic", choices=("relativistic",))
    penalty: PenaltyChoice = fixed("r1_r2", choices=PENALTIES)
    penalty_weight: float = lane(0.05, "gamma", at_least=0)
    beta1: float = lane(0.0, at_least=0, below=1)
    beta2: float = lane(0.9, at_least=0, below=1)
    latent_size: int = latent(64, at_least=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class WganConfig(GanConfig):
    """Weight clipping and RMSProp (Arjovsky et al., algorithm 1)."""

    objective: Objective = fixed("wasserstein", choices=("wasserstein",))
    optimizer: OptimizerName = fixed("rmsprop", choices=get_args(OptimizerName))
    learning_rate: float = lane(5e-5, above=0)
    critic_iterations: int = lane(5, at_least=1)
    batch_size: int = fixed(64, at_least=1)
    latent_size: int = latent(100, at_least=1)
    decay: bool = fixed(False)


@dataclass(frozen=True, kw_only=True, slots=True)
class WganGpConfig(GanConfig):
    """A penalty on the slope between data and samples (Gulrajani et al., and their code).

    Their algorithm has beta1 = 0, their code for images 0.5.
    """

    objective: Objective = fixed("wasserstein_gp", choices=("wasserstein_gp",))
    learning_rate: float = lane(1e-4, above=0)
    beta2: float = lane(0.9, at_least=0, below=1)
    critic_iterations: int = lane(5, at_least=1)
    batch_size: int = fixed(64, at_least=1)
    latent_size: int = latent(128, at_least=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class SnganConfig(GanConfig):
    """Hinge and spectral norms (Miyato et al.)."""

    objective: Objective = fixed("hinge", choices=("hinge",))
    beta1: float = lane(0.0, at_least=0, below=1)
    beta2: float = lane(0.9, at_least=0, below=1)
    critic_iterations: int = lane(5, at_least=1)
    batch_size: int = fixed(64, at_least=1)
    latent_size: int = latent(128, at_least=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class LganConfig(GanConfig):
    """A convex objective and the largest slope (Zhou et al., and their code, with Adam).

    Also that of WGAN, the member of their family whose phi is the identity.
    """

    objective: Objective = fixed("lipschitz", choices=CONVEX)
    penalty: PenaltyChoice = fixed("max_gradient", choices=PENALTIES)
    penalty_weight: float = lane(1.0, "lambda", at_least=0)
    beta1: float = lane(0.0, at_least=0, below=1)
    critic_iterations: int = lane(5, at_least=1)
    batch_size: int = fixed(64, at_least=1)
    latent_size: int = latent(128, at_least=1)
    decay: bool = fixed(False)


WGAN_SPACE = {name: one for name, one in SPACE.items() if name != "beta1"} | BATCH_NORM | CLIP
"""RMSProp has no beta1; the comparison took Adam instead."""
SNGAN_SPACE: dict[str, Dimension] = {
    "learning_rate": Categorical((1e-4, 2e-4, 1e-3)),
    "beta1": Categorical((0.0, 0.5, 0.9)),
    "beta2": Categorical((0.9, 0.999)),
    "critic_iterations": Categorical((1, 5)),
}
"""Around the settings A to F of their table 1."""
R3GAN_SPACE: dict[str, Dimension] = {
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "beta2": Categorical((0.9, 0.99)),
    "penalty_weight": Real(1e-3, 10.0, log=True),
}
LGAN_SPACE: dict[str, Dimension] = {
    "objective": Categorical(CONVEX),
    **SPACE, **PENALTY_WEIGHT,
}  # fmt: skip


def _entry(name: str, paper: str, config: type[GanConfig], space: dict[str, Dimension]) -> Model:
    return Model(name, "adversarial", f"arXiv:{paper}", config, Gan, space)


VARIANTS = (
    _entry("minimax_gan", "1406.2661", MinimaxConfig, SPACE | BATCH_NORM),
    _entry("lsgan", "1611.04076", LsganConfig, SPACE | BATCH_NORM),
    _entry("dragan", "1705.07215", DraganConfig, SPACE | PENALTY_WEIGHT),
    _entry("r3gan", "2501.05441", R3ganConfig, R3GAN_SPACE),
    _entry("wgan", "1701.07875", WganConfig, WGAN_SPACE),
    _entry("wgan_gp", "1704.00028", WganGpConfig, SPACE | PENALTY_WEIGHT),
    _entry("sngan", "1802.05957", SnganConfig, SNGAN_SPACE),
    _entry("lgan", "1807.00751", LganConfig, LGAN_SPACE),
)
