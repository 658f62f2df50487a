"""GPU clusters: what their hosts run, and how they grow, shrink and lose nodes.

Names are imported when they are asked for: what a host runs at boot needs neither Ray nor boto3.

Runs in: processes of its own, on the hosts of a cluster. Sweeps ask it for prices and nodes.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an alias tells type checkers that the name is public
    from gensweep.cluster._connection import connect as connect
    from gensweep.cluster._connection import disconnect as disconnect
    from gensweep.cluster._hosts import launchable_hosts as launchable_hosts
    from gensweep.cluster._hosts import running_hosts as running_hosts
    from gensweep.cluster._prices import Prices as Prices
    from gensweep.cluster._prices import load_prices as load_prices
    from gensweep.cluster._provider import FleetNodeProvider as FleetNodeProvider
    from gensweep.cluster._quote import PricedHosts as PricedHosts
    from gensweep.cluster._quote import price_hosts as price_hosts
    from gensweep.cluster._ray_internals import groups_of_dead_actors as groups_of_dead_actors
    from gensweep.cluster._ray_internals import (
        packs_waiting_on_draining_nodes as packs_waiting_on_draining_nodes,
    )

_HOMES = {
    "FleetNodeProvider": "_provider",
    "PricedHosts": "_quote",
    "Prices": "_prices",
    "connect": "_connection",
    "disconnect": "_connection",
    "groups_of_dead_actors": "_ray_internals",
    "launchable_hosts": "_hosts",
    "load_prices": "_prices",
    "packs_waiting_on_draining_nodes": "_ray_internals",
    "price_hosts": "_quote",
    "running_hosts": "_hosts",
}
"""Public name to the module that has it; type checkers read the same above, as a test compares."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
