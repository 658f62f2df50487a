"""The cost of a sweep: as the user says, or by the price table and the cluster's hosts."""

from dataclasses import dataclass

from gensweep.cluster import load_prices, price_hosts
from gensweep.errors import UserError
from gensweep.spec import RunRequest


@dataclass(frozen=True, kw_only=True, slots=True)
class Quote:
    """The price of an hour of the hosts that a sweep needs."""

    hourly: float
    """Of all hosts together."""

    currency: str
    hosts: str
    """In words: "2 x g6.xlarge (spot)"."""

    def text(self, seconds: float | None, gpus: int, bound: float | None = None) -> str:
        """The price in a line, with the whole cost and how far `bound` reaches.

        `seconds` is the time of all training on `gpus` GPUs, None if it is not known. `bound` is
        the money that may be spent.

        >>> quote = Quote(hourly=3.6, currency="USD", hosts="2 x g6.xlarge (spot)")
        >>> quote.text(1800, 2)
        'at least 1.80 USD and 1.0 GPU-hours: 0.50 h of 2 x g6.xlarge (spot) at 3.60 USD an hour'
        >>> quote.text(None, 2, bound=36)
        '2 x g6.xlarge (spot) at 3.60 USD an hour; --max-cost 36 lasts at most 10.00 h'
        """
        return self._cost(seconds, gpus) + self._reach(seconds, bound)

    def _reach(self, seconds: float | None, bound: float | None) -> str:
        """The hours that `bound` pays for, and whether they suffice.

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
        """The rate, and what so many seconds cost."""
        rate = f"{self.hosts} at {self.hourly:,.2f} {self.currency} an hour"
        if seconds is None:
            return rate
        hours = seconds / 3600
        worked = f" and {gpus * hours:,.1f} GPU-hours" if gpus else ""
        return (
            f"at least {self.hourly * hours:,.2f} {self.currency}{worked}: {hours:,.2f} h of {rate}"
        )


def quote(request: RunRequest) -> Quote | None:
    """The price of an hour of what was asked for; None where it has none.

    `UserError` if the price is not known, or its table is wrong, and the user wants to know it.
    """
    try:
        return _quote(request)
    except UserError:
        if request.sweep.max_cost is not None or request.prices or request.instance_type:
            raise
        return None


def _quote(request: RunRequest) -> Quote | None:
    """The same, but with every error of the table."""
    sweep = request.sweep
    if request.prices:
        load_prices(request.prices)  # a table that is wrong is told also where nothing has a price
    if sweep.hourly_price is not None:
        return Quote(hourly=sweep.hourly_price, currency="money", hosts="all of it")
    priced = price_hosts(request.gpus, request.prices, request.instance_type)
    if priced is not None:
        return Quote(hourly=priced.hourly, currency=priced.prices.currency, hosts=priced.words)
    if sweep.max_cost is not None:
        raise UserError(
            f"--max-cost {sweep.max_cost:g}: what an hour costs is not known, as no host of this "
            "cluster tells its instance type: give --hourly-price."
        )
    return None
