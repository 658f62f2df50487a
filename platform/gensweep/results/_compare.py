"""Sets two sweeps side by side, if both were measured alike."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from gensweep.objective import Objective, searched
from gensweep.report import rates
from gensweep.results._best import Best, best_configuration
from gensweep.results._records import trial_views
from gensweep.results._stored_report import floor_of
from gensweep.results._sweep_of import whole_configuration
from gensweep.space import dimension_text
from gensweep.study import SweepSnapshot, leaf_differences
from gensweep.trial import TrialView

MODELS_OWN = ("protocol.neutral.", "protocol.nll.", "protocol.scores.", "protocol.copied.",
              "protocol.critic_", "protocol.intervals", "protocol.count_intervals",
              "protocol.bitwise", "protocol.w1.")  # fmt: skip
"""What the protocol says of measures that one of two models may lack: no difference of the rest."""
ABSENT = "none"


@dataclass(frozen=True, slots=True)
class SweepDifference:
    """A field in which two sweeps differ, with the value of each: as JSON, a space in words."""

    field: str
    a: str
    b: str


@dataclass(frozen=True, kw_only=True)
class SweepSide:
    """One of the two sweeps, in the figures that are compared."""

    name: str
    model: str
    data: str
    trials: int
    """As many as it was asked for."""
    ended: int
    budget_images: int
    hours: float
    cost: float
    by: str | None
    """The hyperparameter by whose values rates are counted."""
    rates: Sequence[Mapping[str, object]]
    """Rows of the table of success rates, by the names of its columns."""
    best: Best | None
    floor: float | None
    """What real examples score by the metric; None where that was not measured."""
    hyperparameters: Mapping[str, Any]
    """Of the best configuration, searched or not; empty if there is none."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sweeps side by side."""

    metric: str
    direction: str
    protocol: Sequence[SweepDifference]
    """In which their numbers were made differently; empty: they may be compared."""
    space: Sequence[SweepDifference]
    """Hyperparameters that one searches elsewhere than the other, or that have other values."""
    settings: Sequence[SweepDifference]
    """Of everything else that each was asked."""
    sweeps: tuple[SweepSide, SweepSide]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        return {"comparable": not self.protocol, **asdict(self)}


def compare(a: SweepSnapshot, b: SweepSnapshot) -> Comparison:
    """Compare two sweeps; whether they may be is told by `protocol`."""
    told = a.spec["objective"]
    return Comparison(
        metric=told["metric"],
        direction=told["direction"],
        protocol=protocol_differences(a.spec, b.spec),
        space=space_differences(a.spec, b.spec),
        settings=_differences(_settings(a), _settings(b)),
        sweeps=(_side(a), _side(b)),
    )


def protocol_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[SweepDifference]:
    """List the fields by which the numbers of two specs cannot be compared.

    >>> spec = {"objective": {"metric": "nll"}, "data_hash": "5f", "protocol": {"samples": 1000}}
    >>> protocol_differences(spec, {**spec, "protocol": {"samples": 50, "scores": {"seed": 0}}})
    [SweepDifference(field='protocol.samples', a='1000', b='50')]
    """
    keys = ("objective", "data_hash", "protocol")
    found = _differences({key: a.get(key) for key in keys}, {key: b.get(key) for key in keys})
    return [
        one for one in found if not (one.field.startswith(MODELS_OWN) and ABSENT in (one.a, one.b))
    ]


def space_differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[SweepDifference]:
    """List the hyperparameters that differ: in what is searched, or in the value of all trials.

    What only one of two models has, and is not searched, is left out.

    >>> rate = {"kind": "real", "low": 0.001, "high": 0.1, "log": True}
    >>> space_differences({"space": {"rate": rate}, "defaults": {"hidden": "64"}},
    ...                   {"space": {}, "fixed": {"rate": "0.01", "hidden": "64"}})
    [SweepDifference(field='rate', a='0.001 to 0.1 (log)', b='0.01')]
    """
    mine, other = _hyperparameters(a), _hyperparameters(b)
    searched = {*a["space"], *b["space"]}
    pairs = {name: (mine.get(name, ABSENT), other.get(name, ABSENT)) for name in {*mine, *other}}
    return [
        SweepDifference(name, *pair)
        for name, pair in sorted(pairs.items())
        if pair[0] != pair[1] and (name in searched or ABSENT not in pair)
    ]


def _hyperparameters(spec: Mapping[str, Any]) -> dict[str, str]:
    """Write what a sweep has of each hyperparameter: what is searched, or its value."""
    searched = {name: dimension_text(told) for name, told in spec["space"].items()}
    return {**spec.get("defaults", {}), **spec.get("fixed", {}), **searched}


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[SweepDifference]:
    return [SweepDifference(*found) for found in leaf_differences(a, b)]


def _settings(snapshot: SweepSnapshot) -> dict[str, Any]:
    """What a sweep was asked, but for its space, its protocol and its trials."""
    told = ("space", "fixed", "defaults", "objective", "data_hash", "protocol", "strata")
    return {name: value for name, value in snapshot.spec.items() if name not in told}


def _side(snapshot: SweepSnapshot) -> SweepSide:
    spec = snapshot.spec
    trials: list[TrialView] = trial_views(r for r in snapshot.records if r.state.ended)
    head, rows = rates(searched(trials), spec.get("by"))
    best = best_configuration(trials, Objective(**spec["objective"]))
    return SweepSide(
        name=snapshot.name, model=spec["model"], data=spec["data"], trials=snapshot.planned,
        ended=len(trials), budget_images=spec["budget_images"], hours=snapshot.hours,
        cost=snapshot.cost, by=spec.get("by"),
        rates=[dict(zip(["group", *head[1:]], row, strict=True)) for row in rows],
        best=best, floor=floor_of(snapshot).get(spec["objective"]["metric"]),
        hyperparameters=whole_configuration(snapshot, best.params) if best else {},
    )  # fmt: skip
