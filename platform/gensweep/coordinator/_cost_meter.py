"""What the cluster costs an hour while a sweep runs."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gensweep.cluster import load_prices
from gensweep.errors import UserError

if TYPE_CHECKING:
    from gensweep.cluster import Prices
    from gensweep.spec import RunRequest


LOOK_S = 5.0
"""Between two looks at which hosts there are."""


def meter(request: "RunRequest") -> Callable[[], float]:
    """What the cluster costs an hour, whenever it is asked: all hosts that are up, the head too."""
    sweep = request.sweep
    if sweep.hourly_price is not None:
        fixed = sweep.hourly_price
        return lambda: fixed
    from gensweep.cluster._hosts import hosts_now

    if not any(host.kind for host in hosts_now()):
        return lambda: 0.0
    try:
        return HourlyCost(load_prices(request.prices))
    except UserError:
        if sweep.max_cost is not None or request.prices:
            raise
        return lambda: 0.0


class HourlyCost:
    """Adds up the hosts every now and then; one of an unknown type counts as the dearest known."""

    def __init__(self, prices: "Prices"):
        self._prices, self._at, self._rate = prices, float("-inf"), 0.0

    def __call__(self) -> float:
        from ray.exceptions import RayError

        from gensweep.cluster._hosts import hosts_now

        if time.monotonic() - self._at >= LOOK_S:
            self._at = time.monotonic()
            try:
                self._rate = sum(self._of(host.kind, host.market) for host in hosts_now())
            except RayError:  # the head is busy: the last sum holds
                return self._rate
        return self._rate

    def _of(self, kind: str, market: str) -> float:
        table = self._prices.table
        if kind in table:
            return self._prices.hourly(kind, market)
        return max(price.on_demand for price in table.values())
