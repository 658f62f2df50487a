"""What a sweep costs an hour: as the user says, or by the price table and the cluster's hosts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gensweep.errors import UserError

if TYPE_CHECKING:
    from gensweep.cluster import Prices
    from gensweep.spec import RunRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """What an hour of the hosts that a sweep needs costs."""

    hourly: float
    currency: str
    hosts: str
    """In words."""

    def text(self, seconds: float | None, gpus: int, bound: float | None = None) -> str:
        """In a line; with the whole cost, if the time is known, and how far `bound` reaches.

        >>> quote = Quote(hourly=3.6, currency="USD", hosts="2 x g6.xlarge (spot)")
        >>> quote.text(1800, 2)
        'at least 1.80 USD and 1.0 GPU-hours: 0.50 h of 2 x g6.xlarge (spot) at 3.60 USD an hour'
        >>> quote.text(None, 2, bound=36)
        '2 x g6.xlarge (spot) at 3.60 USD an hour; --max-cost 36 lasts at most 10.00 h'
        """
        return self._cost(seconds, gpus) + self._reach(seconds, bound)

    def _reach(self, seconds: float | None, bound: float | None) -> str:
        """
        >>> Quote(hourly=3.6, currency="USD", hosts="all of it")._reach(1800, 0.9)
        '; --max-cost 0.9 lasts at most 0.25 h, too little'
        """
        if bound is None or not self.hourly:
            return ""
        hours = bound / self.hourly
        enough = seconds is None or hours > seconds / 3600
        return (
            f"; --max-cost {bound:g} lasts at most {hours:,.2f} h{'' if enough else ', too little'}"
        )

    def _cost(self, seconds: float | None, gpus: int) -> str:
        rate = f"{self.hosts} at {self.hourly:,.2f} {self.currency} an hour"
        if seconds is None:
            return rate
        hours = seconds / 3600
        worked = f" and {gpus * hours:,.1f} GPU-hours" if gpus else ""
        return (
            f"at least {self.hourly * hours:,.2f} {self.currency}{worked}: {hours:,.2f} h of {rate}"
        )


def quote(request: "RunRequest") -> Quote | None:
    """For the GPUs that were asked for; None where nothing has a price.

    `UserError` if the sweep is to stop by its cost and what an hour costs is not known.
    """
    try:
        return _quote(request)
    except UserError:
        if request.sweep.max_cost is not None or request.prices or request.instance_type:
            raise
        return None  # nobody asked what it costs


def _quote(request: "RunRequest") -> Quote | None:
    from gensweep.cluster._hosts import (
        asked_for,
        hosts_at_most,
        hosts_now,
        hourly,
        in_words,
        needed,
    )

    sweep = request.sweep
    if request.prices:
        table(request)  # a table that is wrong is told also where nothing has a price
    if sweep.hourly_price is not None:
        return Quote(hourly=sweep.hourly_price, currency="money", hosts="all of it")
    here = hosts_now()
    if request.instance_type:
        prices = table(request)
        hosts = asked_for(request.instance_type, request.gpus, prices)
    elif any(host.kind for host in here):
        prices = table(request)
        there = needed(here, request.gpus)
        enough = sum(host.gpus for host in there) >= request.gpus
        hosts = there if enough else needed(hosts_at_most(), request.gpus)
    elif sweep.max_cost is not None:
        raise UserError(
            f"--max-cost {sweep.max_cost:g}: what an hour costs is not known, as no host of this "
            "cluster tells its instance type: give --hourly-price."
        )
    else:
        return None
    return Quote(hourly=hourly(hosts, prices), currency=prices.currency, hosts=in_words(hosts))


def table(request: "RunRequest") -> "Prices":
    """The price table of this sweep."""
    from gensweep.cluster import load_prices

    return load_prices(request.prices)
