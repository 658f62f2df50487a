"""What a sweep has spent is never told as less than it is."""

import random

import pytest

from gensweep.budget import Budget
from gensweep.study._spending import STOPPING_S, Spending, Spent
from study.small_study import Clock


def test_the_cost_so_far_is_never_less_than_it_was() -> None:
    """At prices that change: the true cost lies within, and the bound is kept with the reserve."""
    for seed in range(50):
        draw, clock, price, true = random.Random(seed), Clock(), 1.0, 0.0
        spending = Spending(Budget(trials=1), lambda: price, clock)  # noqa: B023
        longest = 0.0
        for step in range(30):
            gap = draw.uniform(0.1, 8.0)
            true += price * gap / 3600
            clock.now += gap
            before = spending.cost()
            price = draw.uniform(0.0, 5.0)
            longest = max(longest, gap) if step else 0.0
            spending.hear("pack")
            assert spending.cost() >= before >= true - 1e-9
            assert spending.cost_once_stopped() - spending.cost() == pytest.approx(
                price * (STOPPING_S + 2 * longest) / 3600
            )


def test_a_limit_is_over_all_sessions() -> None:
    clock = Clock()
    before = Spent(hours=1.0, cost=3.0)
    budget = Budget(trials=1, max_hours=2.0, max_cost=5.0)
    spending = Spending(budget, lambda: 1.0, clock, before)
    assert spending.reason_to_stop() is None
    clock.now += 3600
    assert (spending.spent(), spending.reason_to_stop()) == (Spent(hours=2.0, cost=4.0), "hours")
    dear = Spending(budget, lambda: 7200.0, clock, before)
    assert dear.reason_to_stop() == "cost"  # what it costs to stop counts
