"""Looks up the price of an hour of the whole cluster while a sweep runs."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gensweep.errors import UserError
from gensweep.spec import RunContext

if TYPE_CHECKING:
    from gensweep.cluster import Prices

LOOK_S = 5.0
"""Between two looks at which hosts there are."""


def hourly_price(context: RunContext) -> Callable[[], float]:
    """Return a function that tells what the cluster costs an hour now, all its hosts counted.

    0 where nothing has a price. `UserError` if a price table was named, or a bound on the cost
    asked for, and the table cannot be read.
    """
    from gensweep.cluster import load_prices, running_hosts

    sweep = context.sweep
    if sweep.hourly_price is not None:
        fixed = sweep.hourly_price
        return lambda: fixed
    if not any(host.kind for host in running_hosts()):
        return lambda: 0.0
    try:
        return HourlyPrice(load_prices(context.prices))
    except UserError:
        if sweep.max_cost is not None or context.prices:
            raise
        return lambda: 0.0


class HourlyPrice:
    """Adds up the hosts that are up; one of an unknown type counts as the dearest known."""

    def __init__(self, prices: "Prices"):
        self._prices, self._looked_at, self._rate = prices, float("-inf"), 0.0

    def __call__(self) -> float:
        """Money an hour, as of at most `LOOK_S` ago."""
        from ray.exceptions import RayError

        from gensweep.cluster import running_hosts

        if time.monotonic() - self._looked_at >= LOOK_S:
            self._looked_at = time.monotonic()
            try:
                self._rate = sum(self._price(host.kind, host.market) for host in running_hosts())
            except RayError:  # the head is busy: the last sum holds
                return self._rate
        return self._rate

    def _price(self, kind: str, market: str) -> float:
        table = self._prices.table
        if kind in table:
            return self._prices.hourly(kind, market)
        return max(price.on_demand for price in table.values())
