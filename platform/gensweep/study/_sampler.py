"""The sampler of a sweep, some of whose parameters may be fixed."""

import hashlib
from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from gensweep.fitted_tpe import Fits, FittedTPESampler
from gensweep.samplers import find_sampler


class FixableSampler(BaseSampler):
    """Draws all parameters but those in `fixed` by the sampler of that name.

    Each trial is drawn by a seed of its own, of the sweep's seed and the trial's number: a sweep
    that was interrupted goes on with the parameters that it would have drawn. One that learns
    begins with a new estimate then, as the trials tell (`TrialEntry.fitted_at`).
    """

    def __init__(self, name: str, seed: int) -> None:
        self.fixed: dict[str, Any] = {}
        self.fits = Fits()
        """Of a sampler that learns: they outlive the sampler of a trial."""
        self._make, self._seed = find_sampler(name).make, seed
        self._base = self._of_trial(0)

    def _of_trial(self, number: int) -> BaseSampler:
        digest = hashlib.sha256(f"sampler/{self._seed}/{number}".encode()).digest()
        sampler = self._make(self._seed, int.from_bytes(digest[:4], "big"))
        if isinstance(sampler, FittedTPESampler):
            sampler.fits = self.fits
        return sampler

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        space = self._base.infer_relative_search_space(study, trial)
        return {name: d for name, d in space.items() if name not in self.fixed}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._base.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        if param_name in self.fixed:
            return self.fixed[param_name]
        return self._base.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._base, self.fits.used = self._of_trial(trial.number), None
        self._base.before_trial(study, trial)

    def after_trial(
        self,
        study: Study,
        trial: FrozenTrial,
        state: TrialState,
        values: Sequence[float] | None,
    ) -> None:
        self._base.after_trial(study, trial, state, values)
