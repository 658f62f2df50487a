"""Reads a sweep's question back from the ledger: the typed object, and a trial's configuration."""

import ast
from collections.abc import Mapping
from typing import Any

from gensweep.catalog import GROUP, catalog
from gensweep.errors import UserError
from gensweep.space import space_from_json
from gensweep.spec import Sweep, declarations
from gensweep.study import SweepSnapshot

STORED_OTHERWISE = ("name", "model", "space", "fixed", "sampling_grids", "group_by", "metrics")
"""Fields whose entry in the ledger is not their value."""


def sweep_of(snapshot: SweepSnapshot) -> Sweep:
    """Return the sweep that the ledger tells of, with the limits and the figures of none.

    Without the metrics that a script defined. `UserError` if no installed catalogue has its model,
    or if such a metric ranks it.
    """
    spec, known = snapshot.spec, catalog()
    if spec["model"] not in known:
        raise UserError(f"no installed catalogue has {spec['model']!r}, the model of sweep "
                        f"{snapshot.name!r}: an entry point in the group {GROUP} adds "
                        "it.")  # fmt: skip
    plain = {
        declared.name: spec[declared.key]
        for declared in declarations(Sweep)
        if declared.name not in STORED_OTHERWISE and declared.key in spec
    }
    if spec["objective"]["metric"] in spec.get("metrics", {}):
        raise UserError(f"sweep {snapshot.name!r} is ranked by its script's own "
                        f"{spec['objective']['metric']!r}, which the ledger cannot measure: run "
                        "the script again with --set-from a file of `gensweep "
                        "export`.")  # fmt: skip
    grids = {name: tuple(grid) for name, grid in spec.get("sampling_grids", {}).items()}
    return Sweep(
        name=snapshot.name, model=known[spec["model"]], space=space_from_json(spec["space"]),
        fixed=values_of(spec.get("fixed", {})), group_by=spec.get("by"), sampling_grids=grids,
        trials=snapshot.trials, target=spec["objective"]["metric"], **plain,
    )  # fmt: skip


def whole_configuration(snapshot: SweepSnapshot, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return every hyperparameter of a trial with the searched values `params`.

    Those that were searched come first; then what the script fixed, and the model's defaults of
    the time when the sweep began.
    """
    spec = snapshot.spec
    return {
        **params, **values_of(spec.get("fixed", {})), **values_of(spec.get("defaults", {}))
    }  # fmt: skip


def values_of(stored: Mapping[str, str]) -> dict[str, Any]:
    """Read values that a ledger has as Python writes them.

    >>> values_of({"hidden": "64", "objective": "'hinge'", "truncation": "inf"})
    {'hidden': 64, 'objective': 'hinge', 'truncation': inf}
    """
    return {name: _value(text) for name, text in stored.items()}


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except ValueError:
        return float(text)  # infinite
