"""A sweep of one configuration, which searches nothing: its trials are seeds."""

from collections.abc import Callable
from typing import Any

import pytest

from gensweep.budget import Budget
from gensweep.objective import Objective
from gensweep.results import report_anew
from gensweep.samplers import SAMPLERS
from gensweep.study import Study, StudySpec, read_sweep
from gensweep.trial import TrialState
from small_sweep import SmallSweep, open_small_sweep, ready  # noqa: F401


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_draws_nothing_where_nothing_is_searched(sampler: str, tmp_path: Any) -> None:
    spec = StudySpec(
        name="s", space={}, objective=Objective(metric="nll"), budget=Budget(trials=4),
        budget_images=100, sampler=sampler, repeats=4,
    )  # fmt: skip
    with Study.create(spec, str(tmp_path / "studies")) as study:
        leases = study.lease("me", 3)
        for lease in leases:
            end = study.resolve_end(lease, TrialState.COMPLETED, "", {"nll": 1.0})
            assert end is not None
            assert study.finish(lease, end, 100, {})
        leases += study.lease("me", 3)
    assert [(lease.params, lease.group) for lease in leases] == [({}, 0)] * 4
    assert len({lease.seed for lease in leases}) == 4


def test_seeds_of_one_configuration_train_together(
    open_small_sweep: Callable[..., SmallSweep],  # noqa: F811
) -> None:
    here = open_small_sweep(space={}, map_axis="", trials=3, repeats=3)
    _, runner = here.runner("p")
    runner.resume()
    here.close()
    trials = here.trials()
    assert {trial.state for trial in trials.values()} == {TrialState.COMPLETED}
    assert len({trial.metrics["nll"] for trial in trials.values()}) == 3
    report = report_anew(read_sweep("small", here.ledger))
    page = report.html()
    assert "of 3 trials converged" in page
    assert "; searched: nothing." in report.stored.facts.summary
