"""GPU clusters: what their hosts run, and how they grow, shrink and lose nodes.

Names are imported when they are asked for: what a host runs at boot needs neither Ray nor boto3.

Runs in: processes of its own, on the hosts of a cluster. Sweeps ask it for prices and nodes.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gensweep.cluster._connection import connect
    from gensweep.cluster._hosts import launchable_hosts, running_hosts
    from gensweep.cluster._prices import Prices, load_prices
    from gensweep.cluster._provider import FleetNodeProvider
    from gensweep.cluster._quote import PricedHosts, price_hosts

__all__ = [
    "FleetNodeProvider",
    "PricedHosts",
    "Prices",
    "connect",
    "launchable_hosts",
    "running_hosts",
    "load_prices",
    "price_hosts",
]

_HOMES = {
    "FleetNodeProvider": "_provider",
    "PricedHosts": "_quote",
    "Prices": "_prices",
    "connect": "_connection",
    "launchable_hosts": "_hosts",
    "running_hosts": "_hosts",
    "load_prices": "_prices",
    "price_hosts": "_quote",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
