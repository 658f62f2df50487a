"""TPE whose estimates serve several suggestions, so that one costs little in a long sweep.

Optuna's own estimates its densities anew for each trial. Runs in the coordinator's actor, where
packs wait for trials.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState, create_trial

from gensweep.optuna_version import refuse_other_optuna
from gensweep.parzen_density import ParzenDensity

with refuse_other_optuna():
    from optuna.samplers._tpe.sampler import _split_trials, default_gamma

GROWTH: Final = 0.01
"""Of the history, in trials that were drawn or ended since: then it is estimated anew."""
RUNNING: Final = 1000
"""Trials without an end that are avoided, the latest ones; a cluster may have many more."""
LEARNED: Final = (TrialState.COMPLETE, TrialState.PRUNED)


class HistorySize(NamedTuple):
    """The length of a sweep's history at one moment, by the sweep's own time."""

    decisions: int
    """Verdicts and ends."""
    drawn: int
    """Trials."""
    ended: int
    """Trials."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The good and the poor trials of a history, and their densities."""

    size: HistorySize
    good: list[FrozenTrial]
    poor: list[FrozenTrial]
    is_enough: bool
    """Whether so many trials have ended that they say more than chance."""
    space: dict[str, BaseDistribution]
    """What every trial that has ended has."""
    densities: dict[tuple[str, ...], tuple[ParzenDensity, ParzenDensity]] = field(
        default_factory=dict
    )
    """Of the good and the poor trials, by the parameters that they are over."""

    def is_good_until(self, now: HistorySize) -> bool:
        """Return whether the history has hardly grown: less than a hundred trials never are one."""
        grown = now.drawn + now.ended - self.size.drawn - self.size.ended
        return grown <= GROWTH * (len(self.good) + len(self.poor))


class Fits:
    """Keeps the latest fit of a sweep."""

    def __init__(self) -> None:
        self.now = HistorySize(0, 0, 0)
        self.used: HistorySize | None = None
        """Of the latest suggestion's fit; None: it needed none."""
        self._latest: Fit | None = None

    def find(self, make: Callable[[HistorySize], Fit]) -> Fit:
        """Return the latest fit, or one by `make` if the history has grown since."""
        if self._latest is None or not self._latest.is_good_until(self.now):
            self._latest = make(self.now)
        return self._latest


class FittedTPESampler(TPESampler):
    """Suggests as Optuna's TPE does, of densities that were estimated a little earlier.

    What a suggestion was made of is in `fits.used`: it follows from that history and the seed.
    """

    def __init__(self, seed: int, fits: Fits | None = None) -> None:
        super().__init__(seed=seed)
        self.fits = Fits() if fits is None else fits

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        return dict(self._find_fit(study, trial).space)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        if not search_space:
            return {}
        fit = self._use_fit(study, trial)
        return self._suggest(study, fit, search_space) if fit.is_enough else {}

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        fit = self._use_fit(study, trial)
        if fit.is_enough:
            return self._suggest(study, fit, {param_name: param_distribution})[param_name]
        return self._random_sampler.sample_independent(study, trial, param_name, param_distribution)

    def _use_fit(self, study: Study, trial: FrozenTrial) -> Fit:
        fit = self._find_fit(study, trial)
        self.fits.used = fit.size
        return fit

    def _find_fit(self, study: Study, trial: FrozenTrial) -> Fit:
        return self.fits.find(lambda size: self._fit(study, trial, size))

    def _fit(self, study: Study, trial: FrozenTrial, size: HistorySize) -> Fit:
        listed = study._storage.get_all_trials(study._study_id, deepcopy=False)
        known = [one for one in listed if one.number != trial.number]
        learned = [one for one in known if one.state in LEARNED]
        running = [one for one in known if one.state == TrialState.RUNNING][-RUNNING:]
        good, poor = _split_trials(study, learned + running, default_gamma(len(learned)))
        # As Optuna's `IntersectionSearchSpace`, which compares distributions, too: here each name
        # has the same in all trials.
        names = set.intersection(*(set(one.params) for one in learned)) if learned else set()
        found = {name: learned[-1].distributions[name] for name in sorted(names)}
        space = {name: one for name, one in found.items() if not one.single()}
        return Fit(size, good, poor, len(learned) >= self._n_startup_trials, space)

    def _suggest(
        self, study: Study, fit: Fit, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw candidates where good trials are, and choose the one least like poor ones."""
        names = tuple(search_space)
        if names not in fit.densities:
            good, poor = (
                ParzenDensity(self._build_parzen_estimator(study, search_space, trials, is_good))
                for trials, is_good in ((fit.good, True), (fit.poor, False))
            )
            fit.densities[names] = good, poor
        good, poor = fit.densities[names]
        candidates = good.sample(self._rng.rng, self._n_ei_candidates)
        best = self._compare(candidates, good.log_pdf(candidates) - poor.log_pdf(candidates))
        return {name: one.to_external_repr(best[name]) for name, one in search_space.items()}


def check_optuna() -> None:
    """Suggest once as sweeps do, in memory; `UserError` if this version of Optuna fails at it."""
    space: dict[str, BaseDistribution] = {
        "real": FloatDistribution(1.0, 9.0, log=True),
        "integer": IntDistribution(1, 9),
        "choice": CategoricalDistribution(("a", "b")),
    }
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with refuse_other_optuna():
        sampler = FittedTPESampler(0)
        study = optuna.create_study(sampler=sampler)
        for number in range(sampler._n_startup_trials):
            params = {"real": 1.0 + number % 8, "integer": 1 + number % 8, "choice": "a"}
            study.add_trial(create_trial(params=params, distributions=space, value=float(number)))
        study.ask(space)
