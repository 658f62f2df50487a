"""Evaluates trained lanes: samples, metrics, verdict, likelihood and curves.

L lanes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from gensweep.evaluation._critic_measures import CriticMeasures
from gensweep.evaluation._evaluation import CurvePoint, Curves, Evaluation
from gensweep.evaluation._lane_likelihood import IMPORTANCE_SAMPLES, RUNG_SAMPLES, Likelihood
from gensweep.evaluation._lane_scores import Scores
from gensweep.evaluation._sample_grid import grid_png
from gensweep.game import DataShape
from gensweep.intervals import metric_intervals
from gensweep.known_metrics import METRICS
from gensweep.lanes import Pack
from gensweep.metric import AT_THE_END, ERROR, JUDGED, NEUTRAL, SAMPLE_KINDS, VERDICT
from gensweep.metrics import Evaluator
from gensweep.own_metric import OwnMetric, formulas, measure_own
from gensweep.precision import BITWISE
from gensweep.sampling_fields import SamplingField, neutral_values
from gensweep.space import with_scope
from gensweep.trial import Outcome

GRID_SAMPLES = 64
LANES_AT_ONCE = 4
"""On a GPU, where many small kernels cost more than few; a CPU takes lanes one by one as fast."""


@dataclass(frozen=True, kw_only=True)
class LaneEvaluator:
    """Evaluates lanes so that no lane's numbers depend on which others are evaluated with it.

    Networks always compute `lanes_at_once` lanes, and places without one repeat another: which
    kernels are taken, and with them the last bits, may depend on how many lanes there are.
    """

    evaluator: Evaluator
    """Measures samples against the data set."""

    data: DataShape
    modes: Tensor | None
    """`[K, 2]` of a mixture of points; None: images."""

    sampling: tuple[SamplingField, ...]
    """The model's sampling hyperparameters, with the grids of the sweep."""

    likelihood: Likelihood | None
    """None: the model has no `log_prob`."""

    scores: Scores | None = None
    """None: the model has no `scores`."""

    critic: CriticMeasures | None = None
    """None: the model tells no critic's values, or nothing is held out."""

    given: Mapping[str, Tensor] | None = None
    """What samples are conditioned on, `[samples, ...]` by name; None: nothing."""

    own: tuple[OwnMetric, ...] = ()
    """The script's own metrics."""

    real: Tensor | None = None
    """Examples beside which they measure samples, [N, *shape]; None: there are none."""

    classes: Tensor | None = None
    """Of the examples that `given` was taken from, `[samples]`; None: they have none, or nothing
    is given."""

    ranked_by: str | None = None
    """The sweep's `target`, measured at every rung however long it takes; None: the data's own."""

    lanes_at_once: int = 1

    @property
    def protocol(self) -> Mapping[str, object]:
        """The statement of how every number was made, as JSON."""
        neutral = neutral_values(self.sampling)
        judged = JUDGED if self.scores and self.scores.bounds else VERDICT
        stated = {**self.evaluator.protocol, "verdict": judged, "neutral": neutral,
                  "bitwise": BITWISE}  # fmt: skip
        if self.given:
            stated |= {"given": list(self.given)}
        if self.scores:
            stated |= {"scores": self.scores.protocol}
        if self.critic:
            stated |= self.critic.protocol
        if self.own:
            stated |= {"own_metrics": formulas(self.own)}
        return stated | ({"nll": self.likelihood.protocol} if self.likelihood else {})

    def judging_by(self, bounds: Mapping[str, float]) -> "LaneEvaluator":
        """Return the same evaluator whose verdict on samples takes these `bounds`."""
        return replace(self, evaluator=self.evaluator.judging_by(bounds))

    @property
    def bounds(self) -> Mapping[str, float]:
        """The bounds of the verdict on samples."""
        return self.evaluator.reference.bounds

    def to(self, device: torch.device | str, width: int = LANES_AT_ONCE) -> "LaneEvaluator":
        """Return the same evaluator for packs of `width` lanes on `device`."""
        likelihood = self.likelihood and self.likelihood.to(device)
        at_once = 1 if torch.device(device).type == "cpu" else min(width, LANES_AT_ONCE)
        moved = replace(self, evaluator=self.evaluator.to(device), likelihood=likelihood)
        scores = self.scores and self.scores.to(device)
        critic = self.critic and self.critic.to(device)
        return replace(moved, lanes_at_once=at_once, scores=scores, critic=critic)

    def evaluate(
        self, pack: Pack, due: Mapping[int, bool], *, bound: bool,
        note_alive: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[int, Evaluation]]:  # fmt: skip
        """Yield the evaluation of each slot that is `due`, some lanes at a time.

        `due[slot]` says whether the slot's trial ends here: then its likelihood and its curves
        are measured too. With `bound` the likelihood is also measured of the others, with
        fewer importance samples. `note_alive` is called between the parts of that, which may take
        minutes each.
        """
        for last in (False, True):
            slots = [slot for slot, ends in due.items() if ends is last]
            for start in range(0, len(slots), self.lanes_at_once):
                some = slots[start : start + self.lanes_at_once]
                found = self._evaluate_some(pack, some, bound or last, last, note_alive)
                yield from found.items()

    def _evaluate_some(
        self, pack: Pack, slots: list[int], bound: bool, last: bool, note_alive: Callable[[], None]
    ) -> dict[int, Evaluation]:
        samples = self._draw_samples(pack, slots)
        note_alive()
        wanted = None if last else METRICS.keys() - (AT_THE_END - {self.ranked_by})
        metrics = self.measure(samples, self.classes, wanted, errors=last)
        note_alive()
        neutral = self._measure_neutral(pack, slots, metrics)
        found = {
            slot: self._evaluate_lane(*each)
            for slot, *each in zip(slots, samples, metrics, neutral, strict=True)
        }
        note_alive()
        # A lane whose samples are not finite has neither a likelihood nor a curve.
        sound = [slot for slot, one in found.items() if one.outcome is not Outcome.DIVERGED]
        if bound and sound and self.likelihood is not None:
            for slot, likely in self._likelihoods(pack, sound, self.likelihood, last).items():
                found[slot] = replace(found[slot], metrics={**found[slot].metrics, **likely})
        note_alive()
        if sound and self.scores is not None:
            every = fill_up(sound, self.lanes_at_once)
            for slot, scored in zip(sound, self.scores.measure(pack, every), strict=False):
                found[slot] = self._add_scores(found[slot], scored, self.scores)
        if sound and self.critic is not None:
            critic = self.critic if last else self.critic.of_rungs()
            measured = critic.measure(pack, fill_up(sound, self.lanes_at_once))
            for slot, told in zip(sound, measured, strict=False):
                known = {**found[slot].metrics, **told}
                found[slot] = replace(found[slot], metrics=known)
        note_alive()
        if last and sound:
            measured_curves = self._curves(pack, sound, note_alive)
            for slot, curves in zip(sound, measured_curves, strict=True):
                ended = replace(found[slot], curves=curves)
                found[slot] = _with_intervals(ended, self.evaluator.all_of)
        return found

    def measure(
        self,
        samples: Tensor,
        classes: Tensor | None,
        wanted: Collection[str] | None = None,
        *,
        errors: bool = False,
    ) -> list[dict[str, float]]:
        """Measure samples `[L, N, *shape]` by all metrics or those `wanted`, and by the script's.

        The script's own are of finite samples. `classes` [N] are those that samples were given;
        None: none. With `errors` the metrics' standard errors are told, too.
        """
        found = self.evaluator.evaluate(samples, wanted, classes, errors=errors)
        if not self.own or self.real is None:
            return found
        real = self.real.to(samples.device)
        return [
            one | (measure_own(self.own, lane, real) if one["finite"] else {})
            for one, lane in zip(found, samples, strict=True)
        ]

    def _evaluate_lane(
        self, samples: Tensor, metrics: dict[str, float], neutral: dict[str, float]
    ) -> Evaluation:
        """Judge one lane by its samples at neutral values; `samples` are those to be pictured."""
        finite = bool(metrics["finite"])
        outcome, cause = self.evaluator.verdict(neutral if finite else metrics)
        reference = self.evaluator.reference
        judged_by = {NEUTRAL + name: neutral[name] for name in reference.judged if name in neutral}
        return Evaluation(
            metrics=metrics | judged_by,
            outcome=outcome,
            cause=cause,
            variety=reference.variety_of(neutral) if reference.variety in neutral else 0.0,
            png=b"" if outcome is Outcome.DIVERGED else sample_grid(samples, self.modes),
        )

    def _add_scores(
        self, one: Evaluation, scored: Mapping[str, float], scores: Scores
    ) -> Evaluation:
        """Add the scores of a lane, and the verdict where it is theirs."""
        outcome, cause = scores.verdict(scored) or (one.outcome, one.cause)
        # While what tells the collapse still grows, the trial is slow.
        share = scores.collapse_share(scored)
        variety = share if share < 1 else one.variety
        metrics = {**one.metrics, **scored}
        return replace(one, metrics=metrics, outcome=outcome, cause=cause, variety=variety)

    def _likelihoods(
        self, pack: Pack, slots: list[int], likelihood: Likelihood, last: bool
    ) -> dict[int, dict[str, float]]:
        samples = IMPORTANCE_SAMPLES if last else RUNG_SAMPLES
        found = likelihood.measure(pack, fill_up(slots, self.lanes_at_once), samples)
        return dict(zip(slots, found, strict=False))  # the others repeat the first slot

    def _draw_samples(
        self, pack: Pack, slots: list[int], values: Mapping[str, Any] | None = None
    ) -> Tensor:
        """Samples of `lanes_at_once` lanes or fewer, `[L, count, *shape]`.

        `values` are sampling hyperparameters in the place of the lanes' own.
        """
        every = fill_up(slots, self.lanes_at_once)
        drawn = pack.sample(self.evaluator.samples, slots=every, hyper=values, given=self.given)
        return drawn[: len(slots)]

    def _measure_neutral(
        self, pack: Pack, slots: list[int], metrics: list[dict[str, float]]
    ) -> list[dict[str, float]]:
        """Measure what lanes are judged by; `metrics` are those of samples at their own values."""
        neutral = neutral_values(self.sampling)
        own = [with_scope(pack.lane(slot).config, "sampling") for slot in slots]
        if all(values | neutral == values for values in own):
            return metrics
        reference = self.evaluator.reference
        samples = self._draw_samples(pack, slots, neutral)
        return self.evaluator.evaluate(samples, {*reference.judged, reference.variety})

    def _curves(self, pack: Pack, slots: list[int], note_alive: Callable[[], None]) -> list[Curves]:
        """Each lane's curves along the grids, by field; its other values are its own."""
        curves = {f.name: self._curves_along(pack, slots, f, note_alive)
                  for f in self.sampling if f.grid}  # fmt: skip
        return [{name: tuple(of[i]) for name, of in curves.items()} for i in range(len(slots))]

    def _curves_along(
        self, pack: Pack, slots: list[int], field: SamplingField, note_alive: Callable[[], None]
    ) -> list[list[CurvePoint]]:
        """Each lane's curve; values with samples that are not finite are left out."""
        curves: list[list[CurvePoint]] = [[] for _ in slots]
        reference = self.evaluator.reference
        fidelity, variety = reference.objective, reference.variety
        for value in field.grid:
            samples = self._draw_samples(pack, slots, {field.name: value})
            note_alive()
            found = self.evaluator.evaluate(samples, (fidelity, variety))
            for curve, metrics in zip(curves, found, strict=True):
                if metrics["finite"]:
                    curve.append((value, metrics[fidelity], metrics[variety]))
        return curves


def _with_intervals(one: Evaluation, all_of: Mapping[str, float]) -> Evaluation:
    """Take the intervals of all metrics, in the place of the standard errors over samples."""
    over_samples = {name + ERROR for name, metric in METRICS.items() if metric.kinds & SAMPLE_KINDS}
    metrics = {name: value for name, value in one.metrics.items() if name not in over_samples}
    return replace(one, metrics=metrics, intervals=metric_intervals(one.metrics, all_of))


def fill_up(slots: list[int], count: int) -> list[int]:
    """Return `count` slots: these, then the first one again."""
    return slots + slots[:1] * (count - len(slots))


def sample_grid(samples: Tensor, modes: Tensor | None) -> bytes:
    """Draw all points, or the first `GRID_SAMPLES` images, as PNG."""
    return grid_png((samples if samples.ndim == 2 else samples[:GRID_SAMPLES]).cpu(), modes)
