"""The public face: what a sweep's script, the command line and a registered model use.

Names are imported when they are asked for, so that `import gensweep.sweep` does nothing. Only a
script, the module that Python runs as `__main__`, gets its mistakes shown as one line, from the
moment that it takes `Sweep` from here: a value that cannot be is often found before `main`.

Runs in: the script's process.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gensweep.catalog import catalog, describe, model_named
    from gensweep.driver import main
    from gensweep.evaluation import sample_lane
    from gensweep.results import results_of, results_table, sweeps_here
    from gensweep.spec import Sweep

__all__ = [
    "Sweep",
    "catalog",
    "describe",
    "main",
    "model_named",
    "results_of",
    "results_table",
    "sample_lane",
    "sweeps_here",
]

_PACKAGES = {
    "Sweep": "spec",
    "catalog": "catalog",
    "describe": "catalog",
    "main": "driver",
    "model_named": "catalog",
    "results_of": "results",
    "sample_lane": "evaluation",
    "sweeps_here": "results",
    "results_table": "results",
}


def __getattr__(name: str) -> Any:
    if name not in _PACKAGES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "Sweep" and sys._getframe(1).f_globals.get("__name__") == "__main__":
        from gensweep.driver import install_excepthook

        install_excepthook()
    return getattr(importlib.import_module(f"gensweep.{_PACKAGES[name]}"), name)
