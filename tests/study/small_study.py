"""Studies of a few trials, by keywords, for tests of all kinds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gensweep.budget import Budget
from gensweep.objective import Objective
from gensweep.study import Study, StudyRuntime, StudySpec
from gensweep.trial import Lease, TrialState


@dataclass(frozen=True)
class Real:
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    when: Any = None
    kind: str = "real"


@dataclass(frozen=True)
class Integer:
    low: int
    high: int
    log: bool = False
    when: Any = None
    kind: str = "integer"


@dataclass(frozen=True)
class Categorical:
    choices: tuple[Any, ...]
    when: Any = None
    kind: str = "categorical"


SPACE = {
    "learning_rate": Real(1e-5, 1e-1, log=True),
    "latent_size": Integer(2, 64, log=True),
    "objective": Categorical(("hinge", "wasserstein", "minimax")),
    "clip": Real(0.01, 0.1, when={"objective": ("wasserstein",)}),
}
QUESTION: dict[str, Any] = {
    "space": SPACE, "budget_images": 1000, "settings": {"model": "gan", "data": "abc"},
}  # fmt: skip

Open = Callable[..., Study]
"""Creates or opens a study of that question, by keywords."""


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


LIMITS = ("trials", "max_hours", "max_images", "max_cost")
RUNTIME = ("session", "clock", "lease_s", "max_attempts", "hourly_price", "keep_leases")


def spec_of(**changes: Any) -> StudySpec:
    """A question; the budget's limits among the `changes` may stand beside the rest."""
    limits = {"trials": 12} | {name: changes.pop(name) for name in LIMITS if name in changes}
    defaults = {"name": "s", "space": {"x": Real()}, "objective": Objective(metric="fid"),
                "budget": Budget(**limits), "budget_images": 100}  # fmt: skip
    return StudySpec(**{**defaults, **changes})


def begin(location: str, *, resume: bool = False, **changes: Any) -> Study:
    """A study of `spec_of`, created or opened; what is no part of a spec is of the runtime."""
    runtime = StudyRuntime(**{name: changes.pop(name) for name in RUNTIME if name in changes})
    return (Study.open if resume else Study.create)(spec_of(**changes), location, runtime)


def finish(
    study: Study,
    lease: Lease,
    state: str = "completed",
    cause: str = "",
    metrics: Mapping[str, float] | None = None,
    images: int | None = None,
) -> bool:
    """End a trial at once; False if it had ended."""
    with study.transaction():
        end = study.resolve_end(lease, TrialState(state), cause, metrics)
        return end is not None and study.finish(lease, end, images)
