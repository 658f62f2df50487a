"""How sure a sweep says it is of its best configuration, against how often it is right."""

from typing import Any

import numpy as np
import pytest

from benchmarks.replayed_sweeps import KINDS, POOLS, excess, load_pool, replay

SWEEPS = 60
"""Of each metric, pool and kind: `tests/benchmarks/best_probability.py` replays more."""


@pytest.fixture(scope="module")
def sweeps() -> dict[tuple[str, str], Any]:
    """What each sweep says, and if it is right [sweeps, 2], by pool and kind."""
    return {
        (name, kind): np.concatenate([replay(pool, kind, SWEEPS, seed)
                                      for seed, pool in enumerate(load_pool(file).values())])
        for name, file in POOLS.items() for kind in KINDS
    }  # fmt: skip


def assert_right_as_often(some: Any, within: float, errors: float) -> None:
    """Compare what sweeps say with how often they are right, give or take standard errors."""
    much, error = excess(some)
    assert abs(much) < within + errors * error


def test_a_replayed_sweep_is_as_often_right_as_it_says(sweeps: dict[tuple[str, str], Any]) -> None:
    """Of all 720 within 3 %; of a pool's 180 of a kind, as far as these tell."""
    assert_right_as_often(np.concatenate(list(sweeps.values())), within=0.03, errors=0)
    for some in sweeps.values():
        assert_right_as_often(some, within=0.03, errors=2)


def test_neither_the_sure_nor_the_unsure_say_too_much(sweeps: dict[tuple[str, str], Any]) -> None:
    every = np.concatenate(list(sweeps.values()))
    for some in np.array_split(every[every[:, 0].argsort(kind="stable")], 3):
        assert_right_as_often(some, within=0.03, errors=1)
