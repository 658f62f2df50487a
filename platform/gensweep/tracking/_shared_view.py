"""Builds the view of a sweep's trials that MLflow's UI opens by a link.

MLflow keeps such views as tags of the experiment, and lists them in its menu of views. A state is
JSON of the search facets and the layout, as the UI's own "save view" writes it.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gensweep.redact import redact

KIND_TAG = "mlflow.experimentKind"
KIND = "custom_model_development"
"""Of experiments that the UI shows as model training; those without a kind open as GenAI."""
_VIEW_TAG = "mlflow.sharedViewState."
_MODE = "compareRunsMode=CHART&workflowType=machine_learning"
"""The switches that the UI takes from an address, and not from a view."""
_SEARCHED, _METRICS = "Searched hyperparameters", "Model metrics"
"""Sections of charts, in their order; the UI adds one for each further prefix of metrics."""
LONGEST_VIEW = 5000
"""The longest value of an experiment's tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepView:
    """The axes, columns and order of a sweep's view."""

    params: Sequence[str]
    """The searched hyperparameters: columns of the table."""

    axes: Sequence[str]
    """Those that every trial has: the chart leaves out a trial that lacks one of its axes."""

    metric: str
    """The metric that ranks trials: the last axis, and the table's order."""

    minimize: bool = True


def view_tag(sweep: str) -> str:
    """Return the name of the experiment's tag that holds the sweep's view."""
    return f"{_VIEW_TAG}{_view_key(sweep)}"


def view_link(tracking_uri: str, experiment_id: str, sweep: str) -> str:
    """Return the address of the sweep's view, with its secrets hidden.

    >>> view_link("http://127.0.0.1:5000/", "7", "s").partition("?")[0]
    'http://127.0.0.1:5000/#/experiments/7/runs'
    """
    base = redact(tracking_uri).rstrip("/")
    query = f"viewStateShareKey={_view_key(sweep)}&{_MODE}"
    return f"{base}/#/experiments/{experiment_id}/runs?{query}"


def view_value(sweep: str, view: SweepView, time_ms: int) -> str:
    """Return the tag's value: the view's name, its time, and its state in zlib's format.

    The same arguments give the same text, so that writing it twice changes nothing.
    """
    packed = zlib.compress(json.dumps(_state(sweep, view)).encode(), 9)
    state = f"deflate;{base64.b64encode(packed).decode()}"
    about = {"name": sweep, "createdAt": time_ms, "updatedAt": time_ms, "state": state}
    return json.dumps(about, separators=(",", ":"))


def _view_key(sweep: str) -> str:
    # A tag's name takes fewer characters than a sweep's may.
    return hashlib.sha256(sweep.encode()).hexdigest()[:32]


def _state(sweep: str, view: SweepView) -> dict[str, Any]:
    """Lay out the charts and the table of the sweep's trials, best first.

    Ordered by a metric, the UI shows trials side by side; by date it would fold them under the
    sweep's own run, which the filter leaves out.
    """
    quote = '"' if "'" in sweep else "'"
    return {
        "searchFilter": f"tags.`gensweep.sweep` = {quote}{sweep}{quote}"
                        " and tags.`mlflow.parentRunId` LIKE '%'",
        "orderByKey": _column("metrics", view.metric),
        "orderByAsc": view.minimize,
        "runsHiddenMode": "SHOW_ALL",
        "selectedColumns": [
            _column("attributes", "Source"), _column("tags", "status"),
            _column("metrics", view.metric), *(_column("params", name) for name in view.params),
        ],
        "isAccordionReordered": True,
        "compareRunSections": [
            _section(_SEARCHED) | {"columns": 1, "cardHeight": 480},
            _section(_METRICS),
        ],
        "compareRunCharts": [_parallel_coordinates(view)],
    }  # fmt: skip


def _section(name: str) -> dict[str, Any]:
    return {"uuid": _section_id(name), "name": name, "display": True, "isReordered": True,
            "deleted": False, "isGenerated": False}  # fmt: skip


def _parallel_coordinates(view: SweepView) -> dict[str, Any]:
    return {
        "type": "PARALLEL", "uuid": "gensweep-parallel", "deleted": False, "isGenerated": False,
        "metricSectionId": _section_id(_SEARCHED), "runsCountToCompare": 10,
        "selectedParams": list(view.axes), "selectedMetrics": [view.metric], "showAllRuns": True,
    }  # fmt: skip


def _section_id(name: str) -> str:
    return f"gensweep-{name.lower().replace(' ', '-')}"


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"
