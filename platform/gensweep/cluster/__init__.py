"""GPU clusters: what their hosts run, and how they grow, shrink and lose nodes.

Names are imported when they are asked for: what a host runs at boot needs neither Ray nor boto3.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gensweep.cluster._prices import Prices, load_prices
    from gensweep.cluster._provider import FleetNodeProvider

__all__ = [
    "FleetNodeProvider",
    "Prices",
    "load_prices",
]

_HOMES = {
    "FleetNodeProvider": "_provider",
    "Prices": "_prices",
    "load_prices": "_prices",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
