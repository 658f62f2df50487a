"""The hosts that a sweep needs, and what an hour of them costs."""

from collections.abc import Sequence
from dataclasses import dataclass

from gensweep.cluster._hosts import (
    Host,
    choose_hosts,
    describe_hosts,
    hosts_of_type,
    hourly_cost,
    launchable_hosts,
    running_hosts,
)
from gensweep.cluster._prices import Prices, load_prices


@dataclass(frozen=True, kw_only=True, slots=True)
class PricedHosts:
    """Hosts whose instance types the price table has."""

    hosts: Sequence[Host]
    prices: Prices

    @property
    def hourly(self) -> float:
        """The cost of an hour of all of them, in the table's currency."""
        return hourly_cost(self.hosts, self.prices)

    @property
    def words(self) -> str:
        """Types and markets, counted: "2 x g6.xlarge (spot)"."""
        return describe_hosts(self.hosts)


def price_hosts(gpus: int, table: str | None, instance_type: str | None) -> PricedHosts | None:
    """Choose and price the hosts of a sweep on `gpus` GPUs, by the price table in file `table`.

    They are of `instance_type`, as TYPE or TYPE:MARKET, if one is given. Otherwise they are those
    that are up, or, where these have too few GPUs, those that the autoscaler may start. None if
    no host that is up tells its type; `UserError` if the table has not the type.
    """
    if instance_type:
        prices = load_prices(table)
        return PricedHosts(hosts=hosts_of_type(instance_type, gpus, prices), prices=prices)
    up = running_hosts()
    if not any(host.kind for host in up):
        return None
    chosen = choose_hosts(up, gpus)
    if sum(host.gpus for host in chosen) < gpus:
        chosen = choose_hosts(launchable_hosts(), gpus)
    return PricedHosts(hosts=chosen, prices=load_prices(table))
