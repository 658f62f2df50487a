"""What a resumed sweep was asked, so that `--resume NAME` alone goes on with it."""

from dataclasses import replace

from gensweep.errors import UserError
from gensweep.stack import find_home
from gensweep.study import read_sweep
from gensweep.sweep._plan import ledger_of
from gensweep.sweep._sweep import Sweep

KEPT = ("data", "budget_images", "repeats", "seed", "samples", "sampler", "pruner", "trials")


def remembered(name: str, sweep: Sweep) -> Sweep:
    """The script's `sweep` with the settings that sweep `name` was begun with.

    `UserError` if there is no such sweep, or if it is one of another model.
    """
    view = read_sweep(name, ledger_of(str(find_home().path)))
    if view.spec["model"] != sweep.model.name:
        raise UserError(
            f"sweep {name!r} is of the model {view.spec['model']!r}, this script sweeps "
            f"{sweep.model.name!r}: resume it by the script that began it."
        )
    found = view.spec | {"trials": view.trials}
    return replace(sweep, name=name, **{key: found[key] for key in KEPT})
