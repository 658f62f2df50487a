"""Settings of a GAN, what they refuse, and the space that is searched around them; see `gan`."""

# ruff: noqa: RUF009 (`fixed` returns a dataclass field)
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from gensweep_models.adversarial.bodies import Body
from gensweep_models.adversarial.objectives import OBJECTIVES, Formula, Objective
from gensweep_models.adversarial.penalties import PENALTIES, Penalty, PenaltyName
from gensweep_models.adversarial.truncation import truncation_field
from gensweep_models.config import BaseConfig, check, fixed, lane, latent
from gensweep_models.game import OptimizerName
from gensweep_models.nets.mlp import CriticNorm
from gensweep_models.space import Categorical, Dimension, Integer, Real

PenaltyChoice = Literal["own", "none", PenaltyName]


@dataclass(frozen=True, kw_only=True, slots=True)
class GanConfig(BaseConfig):
    """Settings of a GAN; those an objective does not use are ignored."""

    learning_rate: float = lane(2e-4, above=0)
    beta1: float = lane(0.5, at_least=0, below=1)
    critic_iterations: int = lane(1, "steps of the critic for one of the generator", at_least=1)
    clip: float = lane(0.01, "bound on the critic's weights; wasserstein", above=0)
    penalty_weight: float = lane(10.0, "of the penalty, if there is one", at_least=0)
    label_smoothing: float = lane(
        0.0, "by which labels of data are below 1, if the objective has labels", at_least=0, below=1
    )
    noise_scale: float = lane(0.1, "standard deviation at first, with instance_noise", at_least=0)
    history_weight: float = lane(
        1.0, "of the distance from past weights, with historical_averaging", at_least=0
    )
    latent_size: int = latent(16, at_least=1)
    truncation: float = truncation_field(2.0)
    objective: Objective = fixed("non_saturating", choices=get_args(Objective))
    penalty: PenaltyChoice = fixed(
        "own", "on the critic's gradient; own: the objective's", choices=get_args(PenaltyChoice)
    )
    spectral: bool = fixed(False, "critic's layers are divided by their norms; hinge: always")
    batch_norm: bool = fixed(
        False, "critic's features, but the first layer's, are normalised over the batch"
    )
    packing: int = fixed(1, "examples that the critic scores together (PacGAN)", at_least=1)
    minibatch_kernels: int = fixed(0, "of minibatch discrimination; 0: none", at_least=0)
    feature_matching: bool = fixed(False, "the generator's objective is the critic's features")
    instance_noise: bool = fixed(False, "examples and samples reach the critic with noise")
    historical_averaging: bool = fixed(False, "weights are drawn to the mean of past ones")
    point_scale: float = fixed(
        1.0, "networks see points divided by it, best the largest coordinate", above=0
    )
    body: Body = fixed("auto", choices=get_args(Body))
    hidden: int = fixed(
        128, "units of the MLP; the conv body's narrowest map has half as many", at_least=1
    )
    layers: int = fixed(3, at_least=1)
    optimizer: OptimizerName = fixed("adam", choices=get_args(OptimizerName))
    decay: bool = fixed(True, "learning rate falls linearly to zero over the budget")

    @property
    def active_penalty(self) -> Penalty | None:
        """The penalty on the critic's gradient, or None."""
        name = OBJECTIVES[self.objective].penalty if self.penalty == "own" else self.penalty
        return None if name is None or name == "none" else PENALTIES[name]

    @property
    def normalised(self) -> bool:
        """True where the critic's layers are spectrally normalised."""
        return self.spectral or OBJECTIVES[self.objective].spectral

    @property
    def critic_norm(self) -> CriticNorm:
        """The normalisation of the critic's layers."""
        return "spectral" if self.normalised else "batch" if self.batch_norm else "none"

    def check_relations(self) -> None:
        """Refuse cures that do not go with the objective, each with its reason."""
        formula, penalty = OBJECTIVES[self.objective], self.active_penalty
        says = {"objective": self.objective, "penalty": self.penalty}
        check(formula.labels or not self.label_smoothing,
              "only an objective with labels has some to smooth: label_smoothing = 0",
              label_smoothing=self.label_smoothing, **says)  # fmt: skip
        check(
            not (formula.clips and penalty),
            "weights that are clipped bound the slope: penalty none, or wasserstein_gp",
            **says,
        )
        bounded = penalty is not None and self.penalty_weight > 0
        check(not formula.penalty or bounded or self.normalised,
              "the critic's slope is bounded, by a penalty or spectral norms",
              penalty_weight=self.penalty_weight, **says)  # fmt: skip
        check(formula.labels or not self.feature_matching,
              "features take the place of an objective with labels alone: feature_matching = False",
              feature_matching=self.feature_matching, **says)  # fmt: skip
        check(not (self.minibatch_kernels and penalty),
              "a penalty is on the slope of each example alone: minibatch_kernels = 0",
              minibatch_kernels=self.minibatch_kernels, **says)  # fmt: skip
        check(not (self.minibatch_kernels and self.normalised),
              "a comparison of examples has no spectral norm: minibatch_kernels = 0",
              minibatch_kernels=self.minibatch_kernels, spectral=self.spectral,
              **says)  # fmt: skip
        check(not (self.batch_norm and penalty),
              "a penalty is on the slope of each example alone: batch_norm = False",
              batch_norm=self.batch_norm, **says)  # fmt: skip
        check(not (self.batch_norm and self.normalised),
              "a division by the batch's deviation undoes spectral norms: batch_norm = False",
              batch_norm=self.batch_norm, spectral=self.spectral, **says)  # fmt: skip
        check(self.batch_size % self.packing == 0, "packing divides batch_size",
              packing=self.packing, batch_size=self.batch_size)  # fmt: skip


GAN_SPACE: dict[str, Dimension] = {
    "objective": Categorical(get_args(Objective)),
    "learning_rate": Real(1e-5, 1e-2, log=True),
    "latent_size": Integer(2, 64, log=True),
    "critic_iterations": Integer(1, 5),
    "truncation": Real(0.3, 3.0),
    "clip": Real(1e-3, 0.3, log=True, when={"objective": ("wasserstein",)}),
    "penalty_weight": Real(
        0.1, 20.0, log=True,
        when={"objective": tuple(name for name, one in OBJECTIVES.items() if one.penalty)},
    ),
}  # fmt: skip


def _with(holds: Callable[[Formula], bool]) -> tuple[Objective, ...]:
    return tuple(name for name, formula in OBJECTIVES.items() if holds(formula))


LABELLED = _with(lambda one: one.labels)
FREE = _with(lambda one: not (one.penalty or one.clips or one.spectral))
"""Objectives that ask nothing of the critic's slope."""
ALONE = {"penalty": ("own",), "objective": FREE}
"""Where a critic may compare the examples of a batch: no penalty is on the slope of each."""
CURES: dict[str, Dimension] = {
    "penalty": Categorical(
        ("own", "r1", "r2", "r1_r2"), when={"objective": _with(lambda one: not one.clips)}
    ),
    "penalty_weight": Real(1e-3, 20.0, log=True),
    "minibatch_kernels": Categorical((0, 16), when=ALONE),
    "batch_norm": Categorical((False, True), when=ALONE),
    "label_smoothing": Real(0.0, 0.3, when={"objective": LABELLED}),
    "feature_matching": Categorical((False, True), when={"objective": LABELLED}),
    "historical_averaging": Categorical((False, True)),
    "history_weight": Real(1e-3, 1.0, log=True, when={"historical_averaging": (True,)}),
    "instance_noise": Categorical((False, True)),
    "noise_scale": Real(0.01, 1.0, log=True, when={"instance_noise": (True,)}),
    "packing": Categorical((1, 2, 4)),
}
"""A space of the fields of `GanConfig` that switch cures on, to put on top of `GAN_SPACE`.

Whatever is drawn from both goes together. A sweep takes those that it asks of.
"""
