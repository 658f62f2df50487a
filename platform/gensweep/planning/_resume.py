"""What a resumed sweep was asked, so that `--resume NAME` alone goes on with it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gensweep.errors import UserError
from gensweep.home import find_home
from gensweep.planning._ledger import check_ledger
from gensweep.spec import Sweep
from gensweep.study import SweepSnapshot, ledger_of, read_sweep

KEPT = ("data", "image_size", "column", "label", "budget_images", "repeats", "seed", "samples",
        "sampler", "pruner", "pbt", "precision")  # fmt: skip


def remembered(name: str, sweep: Sweep, changes: Mapping[str, Any]) -> Sweep:
    """The script's `sweep` with the settings that sweep `name` was begun with.

    `UserError` if there is no such sweep, if it is one of another model, or if `changes`, the
    options given, differ from what it keeps.
    """
    ledger = ledger_of(str(find_home().path))
    check_ledger(ledger)
    view = read_sweep(name, ledger)
    _check_script(view, sweep)
    kept: dict[str, Any] = {key: view.spec.get(key) for key in KEPT}
    kept["pbt"] = bool(kept["pbt"])  # stated only where it is on
    for key in KEPT:
        if key in changes and changes[key] != kept[key]:
            option = "--" + key.replace("_", "-")
            raise UserError(f"sweep {name!r} keeps its {key}: {kept[key]} -> {changes[key]} is "
                            f"another question; leave {option} out, or begin a new sweep with "
                            "--name.")  # fmt: skip
    trials = changes.get("trials", view.trials)
    if trials < len(view.records):
        raise UserError(f"sweep {name!r} has {len(view.records)} trials already, more than "
                        f"--trials {trials}: use {len(view.records)} or more.")  # fmt: skip
    objective = view.spec["objective"]["metric"]
    return replace(sweep, name=name, **kept, trials=view.trials, target=objective)


def _check_script(view: SweepSnapshot, sweep: Sweep) -> None:
    """`UserError` if the script asks another question than the sweep was begun with."""
    if view.spec["model"] != sweep.model.name:
        raise UserError(
            f"sweep {view.name!r} is of the model {view.spec['model']!r}, this script sweeps "
            f"{sweep.model.name!r}: resume it by the script that began it."
        )
    objective = view.spec["objective"]["metric"]
    if sweep.target not in (None, objective):
        raise UserError(
            f"sweep {view.name!r} keeps its target: {objective} -> {sweep.target} is another "
            "question; set it back in the script, or begin a new sweep with --name."
        )
