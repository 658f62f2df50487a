"""The public face: what a sweep's script, the command line and a registered model use.

Names are imported when they are asked for, so that `import gensweep.sweep` does nothing.

`from gensweep.sweep import Sweep` changes nothing of the process where a module says it. In a
script, which Python runs as `__main__`, it sets `sys.excepthook`: a mistake in the script's sweep,
often found before `main`, then shows as one line, `error: ...`, and ends the process with status 2,
and Ctrl-C while libraries are imported shows as one, and ends it with status 130.
Every other exception goes to the hook that was there before.

Runs in: the script's process.
"""

# ruff: noqa: PLC0414
import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # an alias tells type checkers that the name is public
    from gensweep.catalog import catalog as catalog
    from gensweep.catalog import describe as describe
    from gensweep.catalog import model_named as model_named
    from gensweep.chart import Chart as Chart
    from gensweep.driver import main as main
    from gensweep.evaluation import sample_lane as sample_lane
    from gensweep.own_metric import OwnMetric as OwnMetric
    from gensweep.results import results_of as results_of
    from gensweep.results import results_table as results_table
    from gensweep.results import sweeps_here as sweeps_here
    from gensweep.spec import Sweep as Sweep

_HOMES = {
    "Chart": "chart",
    "OwnMetric": "own_metric",
    "Sweep": "spec",
    "catalog": "catalog",
    "describe": "catalog",
    "main": "driver",
    "model_named": "catalog",
    "results_of": "results",
    "results_table": "results",
    "sample_lane": "evaluation",
    "sweeps_here": "results",
}
"""Public name to the package that has it; type checkers read the same above, as a test compares."""

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "Sweep" and sys._getframe(1).f_globals.get("__name__") == "__main__":
        from gensweep.excepthook import install_excepthook

        install_excepthook()
    return getattr(importlib.import_module(f"gensweep.{_HOMES[name]}"), name)
