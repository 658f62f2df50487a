"""Opens the sweep's study in the coordinator's actor: a new one, or one to go on with."""

import time
from collections.abc import Mapping

from gensweep.coordinator._hourly_price import hourly_price
from gensweep.grid import FEWEST
from gensweep.objective import Objective
from gensweep.patience import OUTAGE_S, Patience
from gensweep.spec import RunContext
from gensweep.study import DrivenAlreadyError, Study, StudyRuntime, StudySpec

LEASE_S = 300.0
"""A pack that died is known at once; this is for one that no longer answers."""
LOCK_S = 20.0
"""How long a database may keep the lock of a coordinator that was killed."""


def open_study(
    context: RunContext,
    objective: Objective,
    protocol: Mapping[str, object],
    *,
    is_continued: bool = False,
    session: str = "",
) -> Study:
    """Create the sweep's study, or open it to resume; `UserError` shows what differs.

    `is_continued`: the process that had it open was killed, and its packs live on with their
    trials. A study that this `session` began is opened, too: its first process died at once.
    """
    spec = study_spec(context, objective, protocol)
    begin = Study.open if context.resume or is_continued else Study.create
    runtime = StudyRuntime(
        lease_s=LEASE_S,
        session=session,
        keep_leases=is_continued,
        hourly_price=hourly_price(context),
    )
    patience = Patience(OUTAGE_S if is_continued else 0.0)
    end = time.monotonic() + LOCK_S * is_continued
    while True:
        try:
            return patience.keep_trying(lambda: begin(spec, context.ledger, runtime))
        except DrivenAlreadyError:
            if time.monotonic() >= end:
                raise
            time.sleep(0.2)


def study_spec(
    context: RunContext, objective: Objective, protocol: Mapping[str, object]
) -> StudySpec:
    """Put what the sweep asks as a study's question."""
    sweep = context.sweep
    return StudySpec(
        name=sweep.name, space=sweep.space, objective=objective, budget=sweep.limits,
        budget_images=sweep.budget_images, seed=sweep.seed, sampler=sweep.sampler,
        grid_points=sweep.points or FEWEST,
        pruner=sweep.pruner, rungs=sweep.rung_images, repeats=sweep.repeats, strata=sweep.strata,
        confirm=sweep.confirmation, group_by=sweep.group_by, map_axis=sweep.map_axis,
        settings=sweep.identity() | {"data_hash": context.data_hash, "protocol": protocol} | (
            {"weights": dict(context.weights)} if context.weights else {}
        ),
    )  # fmt: skip
