"""The words in which a plan is printed, and in which the report tells of its sweep."""

import os
from collections.abc import Sequence
from typing import Any

from gensweep.grid import axes_of, count_configurations
from gensweep.metric import FEW_EXAMPLES, NEIGHBOURS
from gensweep.planning._plan import Plan
from gensweep.pruners import REPEATABLE, cohort_size, find_pruner
from gensweep.redact import redact
from gensweep.space import dimension_text, space_as_json
from gensweep.spec import RunRequest, Sweep

SHOWN = 10
"""Classes that are named."""


def plan_text(plan: Plan) -> str:
    """Write the plan in lines of a word and what it stands for, without passwords in addresses."""
    sweep, data, request = plan.request.sweep, plan.dataset, plan.request
    lines = {
        "sweep": f"{sweep.name}: {sweep.trials} trials of {sweep.model.name}",
        "searched": ", ".join(sweep.space),
        "grid": _grid(sweep, sweep.points) if sweep.points else None,
        "data": f"{data.name}: {data.count:,} examples of {tuple(data.shape)}, "
                f"sha256 {data.hash[:12]}",
        "splits": f"{data.count:,} train, {plan.test.count:,} test" if plan.test else None,
        "classes": _classes(data.class_names, data.class_counts),
        "read": "; ".join(data.notes),
        "verdicts": _verdicts(plan),
        "features": _features(plan),
        "packs": _packs(request),
        "threads": _threads(request),
        "width": plan.estimate.width,
        "pruner": _pruner(sweep),
        "confirm": _confirmation(sweep),
        "pbt": _population(sweep) if sweep.pbt else None,
        "precision": sweep.precision,
        "budget": f"{sweep.budget_images:,} examples a trial, "
                  f"{sweep.planned_trials * sweep.budget_images:,} in all",
        "expected": plan.estimate.expected() if request.dry_run else None,
        "cost": _cost(plan),
        "store": redact(plan.store),
        "tracker": redact(plan.tracking_uri),
    }  # fmt: skip
    return "\n".join(f"{word:9} {text}" for word, text in lines.items() if text)


def sweep_summary(plan: Plan) -> str:
    """Describe the sweep in one sentence, for the report."""
    sweep, data = plan.request.sweep, plan.dataset
    confirmed = f"; confirmed: {told}" if (told := _confirmation(sweep)) else ""
    searched = f"searched: {', '.join(sweep.space)}" if sweep.space else "one configuration"
    return (
        f"{sweep.trials} trials of {sweep.model.name} ({sweep.model.paper}) on {data.name}, "
        f"{data.count:,} examples, sha256 {data.hash[:12]}; {sweep.budget_images:,} examples a "
        f"trial, in whole batches; {searched}{confirmed}."
    )


def _grid(sweep: Sweep, points: int) -> str:
    """Say what the axes of the grid are, and how many configurations they have.

    Trials beyond those are halfway between points.
    """
    axes = axes_of(sweep.space, sweep.strata, points)
    told = [_axis(name, axes[name], sweep.space[name]) for name in sweep.space]
    count = count_configurations(sweep.space, axes)
    more = sweep.trials // sweep.repeats - count
    rest = f", and {more:,} halfway between points" if more else ""
    return f"{' x '.join(told)}: {count:,} configurations{rest}"


def _axis(name: str, values: Sequence[Any], dimension: Any) -> str:
    """Write the values of an axis, or how many points it has from where to where.

    >>> from gensweep_models.space import Categorical, Real
    >>> _axis("kind", ("a", "b"), Categorical(("a", "b")))
    'kind a, b'
    >>> _axis("rate", (0.0, 0.5, 1.0), Real(0.0, 1.0, when={"kind": ("a",)}))
    'rate 3 points, 0.0 to 1.0, when kind is a'
    """
    many = f"{len(values)} points, " if dimension.kind != "categorical" else ""
    return f"{name} {many}{dimension_text(space_as_json({name: dimension})[name])}"


def _classes(names: Sequence[str], counts: Sequence[int]) -> str:
    """Name the first classes, with their training examples, and say how many there are, if any.

    >>> _classes(["cat", "dog"], [3, 4])
    'cat 3, dog 4'
    """
    told = [f"{name} {count:,}" for name, count in zip(names, counts, strict=True)]
    if len(told) <= SHOWN:
        return ", ".join(told)
    rest = f"and {len(told) - SHOWN:,} more, of {min(counts):,} to {max(counts):,}"
    return ", ".join([*told[:SHOWN], rest])


def _verdicts(plan: Plan) -> str | None:
    """Say that there are too few real examples to judge samples by, where there are."""
    data, test = plan.dataset, plan.test
    held = test is not None and test.count > NEIGHBOURS
    count = test.count if test is not None and held else data.count
    if data.modes is not None or count >= FEW_EXAMPLES:
        return None
    split = "test" if held else "training"
    return (f"rest on {count} {split} examples, too few to tell: metrics of samples say little "
            f"below {FEW_EXAMPLES}")  # fmt: skip


def _features(plan: Plan) -> str | None:
    """Say what the network of a file costs; None where the features are of ours."""
    from gensweep.evaluation import copy_examples  # torch, which other plans do without

    sweep, seconds = plan.request.sweep, plan.feature_s
    if seconds is None:
        return None
    once = copy_examples(plan.dataset, plan.test)
    return (f"{redact(str(sweep.features))}: {seconds:.2g} s an image here; to tell copies "
            f"{once:,} examples, once, {once * seconds / 60:,.1f} min; an evaluation "
            f"{sweep.samples * seconds:,.1f} s and more")  # fmt: skip


def _packs(request: RunRequest) -> str:
    """Say how trials are trained together."""
    strata = request.sweep.strata
    place = f"{request.gpus} GPUs" if request.gpus else "CPUs"
    shared = f" on {request.ranks} ranks" if request.ranks > 1 else ""
    kinds = f", each of one value of {', '.join(strata)}" if strata else ""
    return f"{request.packs} at a time{shared}{kinds}; {place}"


def _threads(request: RunRequest) -> str:
    """Say how packs share the cores."""
    if request.gpus:
        return f"{request.threads} beside each GPU, which computes"
    ranks = f" x {request.ranks} ranks" if request.ranks > 1 else ""
    packs = f"{request.packs} pack{'s' if request.packs > 1 else ''}"
    each = f"{request.threads} thread{'s' if request.threads > 1 else ''}"
    why = "; one trains on while another evaluates" if request.packs > 1 else ""
    return f"{packs}{ranks} x {each} on {os.cpu_count()} cores{why}; --resume keeps {each}"


def _pruner(sweep: Sweep) -> str:
    """Say which trials the pruner compares; empty without one."""
    pruner = find_pruner(sweep.pruner)
    if pruner.name == "none":
        return ""
    among = f", among trials of the same {sweep.group_by}" if sweep.group_by else ""
    if pruner.is_synchronous:
        return f"{pruner.name}{among}, in cohorts of {cohort_size(sweep.rungs)}"
    # A map is read as what holds of the space, so that it should not be of one run alone.
    timed = f"; which ones depends on what runs when, by {REPEATABLE} it does not"
    return f"{pruner.name}{among}{timed if sweep.group_by and pruner.by_powers else ''}"


def _confirmation(sweep: Sweep) -> str:
    """Say what is repeated after the search; empty if nothing is."""
    asked = sweep.confirmation
    if asked is None:
        return ""
    best = f"the best {asked.configurations}" if asked.configurations > 1 else "the best"
    return f"{best} over {asked.seeds} fresh seeds each: up to {asked.trials} trials more"


def _population(sweep: Sweep) -> str:
    """Say what population-based training does at each rung but the last."""
    among = f" with the same {', '.join(sweep.strata)}" if sweep.strata else ""
    return (f"at each of {sweep.rungs - 1} evaluations the poorest quarter of trials{among} goes "
            "on from the best that are in its pack")  # fmt: skip


def _cost(plan: Plan) -> str | None:
    """Say what training costs; None where no price is known."""
    request = plan.request
    if plan.quote is None:
        return None
    # The estimate was measured on other machines than those that `--instance-type` asks about.
    seconds = None if request.instance_type else plan.estimate.seconds
    return plan.quote.text(seconds, request.gpus, request.sweep.max_cost)
