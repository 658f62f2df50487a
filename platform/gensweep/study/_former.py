"""Reads sweeps that earlier versions stored: the only place that knows how they said things.

They knew one sampling hyperparameter, by its name. A spec had its grid under the plural of that
name, a trial's curve had no name, and metrics of samples at its neutral value had another prefix.
"""

from collections.abc import Mapping
from typing import Any

from gensweep.metric import NEUTRAL, VERDICT

PREFIX = "untruncated_"
"""Of metrics, in the place of `NEUTRAL`."""
GRID = [0.5, 1.0, 1.5, 2.0]
"""By default. It was stored with every sweep, of models without the hyperparameter too."""
LATER = ("neutral", "copied", "intervals", "count_intervals", "critic_overfitting",
         "critic_slope", "critic_examples_before_the_end", "bitwise", "w1")  # fmt: skip
"""Entries of a protocol that earlier versions did not store."""
LATER_ENTRIES = ("weights", "threads", "drawn")
"""Entries of a spec that earlier versions did not store."""
PARTS = ("defaults", "fixed", "space")
"""Of a spec, which together have every field of the model's configuration."""


def grid_key(spec: Mapping[str, Any]) -> str:
    """The entry of an earlier version's spec that is a list of numbers: the grid. Empty: none."""
    return next((key for key, value in spec.items() if _is_grid(value)), "")


def _is_grid(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(n) in (int, float) for n in value)


def curve_name(spec: Mapping[str, Any]) -> str:
    """The hyperparameter that a trial's curve without a name is of."""
    return grid_key(spec).removesuffix("s")


def current_spec(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored spec as this version would have stored it; one of its own as it is.

    >>> old = {"sizes": [0.5, 2.0], "defaults": {"size": "1.0"}, "rungs": 4}
    >>> current_spec(old)
    {'defaults': {'size': '1.0'}, 'rungs': 4, 'sampling_grids': {'size': [0.5, 2.0]}}
    """
    key = grid_key(spec)
    if not key:
        return dict(spec)
    found = {name: value for name, value in spec.items() if name != key}
    known = {name for part in PARTS for name in spec.get(part, ())}
    if curve_name(spec) in known and spec[key] != GRID:
        found["sampling_grids"] = {curve_name(spec): spec[key]}
    if "objective" in spec:
        metric = current_name(spec["objective"]["metric"])
        found["objective"] = {**spec["objective"], "metric": metric}
    if "verdict" in spec.get("protocol", {}):
        found["protocol"] = {**spec["protocol"], "verdict": VERDICT}
    return found


def completed(spec: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Return `spec` with what earlier versions did not store, from `now`: it cannot have changed.

    That is what the protocol says of neutral values and of later metrics, the hashes of weights,
    and fields that the model did not have yet, whose defaults leave it as it was. The number of
    threads of such a sweep is not known; its trials go on to be drawn as packs ask (`_open`).

    >>> completed({"protocol": {"seed": 0}}, {"protocol": {"seed": 1, "neutral": {"size": 6.0}}})
    {'protocol': {'neutral': {'size': 6.0}, 'seed': 0}}
    >>> completed({"defaults": {"size": "2"}}, {"defaults": {"size": "3", "packing": "1"}})
    {'defaults': {'packing': '1', 'size': '2'}}
    """
    found = dict(spec)
    if "protocol" in spec:
        found["protocol"] = _completed_protocol(spec["protocol"], now.get("protocol", {}))
    found = {**{name: now[name] for name in LATER_ENTRIES if name in now}, **found}
    if "defaults" in spec:
        known = {name for part in PARTS for name in spec.get(part, ())}
        new = {n: v for n, v in now.get("defaults", {}).items() if n not in known}
        found["defaults"] = {**new, **spec["defaults"]}
    return found


def _completed_protocol(stored: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Add what says how metrics are measured that the sweep's first trials did not have yet."""
    found = {**{n: v for n, v in now.items() if n in LATER}, **stored}
    summaries = now.get("scores", {}).get("summaries")
    if summaries and "scores" in stored:
        found["scores"] = {"summaries": summaries, **stored["scores"]}
    return found


def current_entry(stored: Mapping[str, Any], curve: str) -> dict[str, Any]:
    """Return a trial's stored entry in the words of this version; `curve` names its curve.

    >>> current_entry({"metrics": {"untruncated_modes": 8.0}, "result": {"curve": [[1, 2, 3]]}},
    ...               "size")
    {'metrics': {'neutral_modes': 8.0}, 'result': {'curves': {'size': [[1, 2, 3]]}}}
    >>> current_entry({"lost": 2, "hosts": 1}, "")
    {'lost': 2, 'hosts': 1, 'errors_in_row': 2, 'hosts_in_row': 1}
    """
    entry = dict(stored)
    if "metrics" in entry:
        entry["metrics"] = {current_name(n): value for n, value in entry["metrics"].items()}
    if "curve" in entry.get("result", {}):
        result = dict(entry["result"])
        entry["result"] = {"curves": {curve: result.pop("curve")}, **result}
    if "lost" in entry and "errors_in_row" not in entry:  # it was the row's, kills included
        entry["errors_in_row"], entry["hosts_in_row"] = entry["lost"], entry.get("hosts", 0)
    return entry


def current_name(metric: str) -> str:
    """The name of a metric, which may be an earlier version's.

    >>> current_name("untruncated_modes"), current_name("modes")
    ('neutral_modes', 'modes')
    """
    return NEUTRAL + metric.removeprefix(PREFIX) if metric.startswith(PREFIX) else metric
