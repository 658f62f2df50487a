"""A pack that does not fit into memory goes on with fewer lanes."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from gensweep.sweep._bench import work
from gensweep_models.space import Real

HIDDEN = 1000
LANE_MIB = 4 * 4 * 2 * (HIDDEN**2 + 70 * HIDDEN) / 2**20
"""Weights, gradient and two moments of one lane of the network below; activations come on top."""


@contextmanager
def memory(mib: float) -> Iterator[None]:
    """So much more than the process has."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    size = psutil.Process().memory_info().data + int(mib * 2**20)
    resource.setrlimit(resource.RLIMIT_DATA, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def changes(**more: Any) -> dict[str, Any]:
    fixed = {"binarise": "dynamic", "latent_size": 4, "hidden": HIDDEN, "batch_size": 64}
    return {"fixed": fixed, "trials": 16, "width": 16, "budget_images": 192, "rungs": 1,
            "space": {"learning_rate": Real(1e-4, 1e-3, log=True)}, **more}  # fmt: skip


def test_half_of_the_lanes_go_on_and_every_trial_ends_once(open_office: Any) -> None:
    office = open_office(**changes())
    here, said = office.here("pack"), []
    with memory(12 * LANE_MIB):
        work(office.sweep, here, office.judge, office.source, told=said.append)
    assert [line for line in said if "out of memory" in line]
    trials = office.trials().values()
    assert {t.state for t in trials} <= {"completed", "collapsed"}
    assert len(trials) == 16
    assert all(office.result(t.number)["number"] == t.number for t in trials)


def test_one_lane_that_does_not_fit_is_an_error(open_office: Any) -> None:
    office = open_office(**changes(width=1))
    with memory(LANE_MIB / 2), pytest.raises(RuntimeError, match="can't allocate memory"):
        work(office.sweep, office.here("pack"), office.judge, office.source)
