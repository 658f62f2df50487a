"""Takes the settings of a resumed sweep from the ledger, so that `--resume NAME` alone suffices."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gensweep.errors import UserError
from gensweep.home import find_home
from gensweep.planning._check_ledger import check_ledger
from gensweep.spec import Declaration, Sweep, declarations
from gensweep.study import SweepSnapshot, ledger_of, read_sweep


def settings_of_resumed(name: str, sweep: Sweep, changes: Mapping[str, Any]) -> Sweep:
    """The script's `sweep` with the settings that sweep `name` was begun with.

    `changes` are the options that were given. `UserError` if there is no such sweep, if it is one
    of another model, or if an option differs from what it keeps.
    """
    ledger = ledger_of(str(find_home().path))
    check_ledger(ledger)
    begun = read_sweep(name, ledger)
    _check_script(begun, sweep)
    begun_with = {
        declared.name: _kept_value(declared, begun, changes)
        for declared in declarations(sweep)
        if declared.kept_on_resume
    }
    _check_trials(begun, changes.get("trials", begun.trials))
    target = begun.spec["objective"]["metric"]
    return replace(sweep, name=name, **begun_with, trials=begun.trials,
                   confirm=begun.confirm or None, target=target)  # fmt: skip


def _check_trials(begun: SweepSnapshot, trials: int) -> None:
    """`UserError` for fewer trials than there are, or more where some were chosen already."""
    if trials < begun.drawn:
        raise UserError(f"sweep {begun.name!r} has {begun.drawn} trials already, more than "
                        f"--trials {trials}: use {begun.drawn} or more.")  # fmt: skip
    fresh = sum(record.confirm_round > 0 for record in begun.records)
    if trials > begun.trials and fresh:
        raise UserError(f"sweep {begun.name!r} keeps its trials: {fresh} trials confirm the best "
                        f"of {begun.trials}, and --trials {trials} would choose others; leave it "
                        "out, or begin a new sweep with --name.")  # fmt: skip


def _kept_value(declared: Declaration, begun: SweepSnapshot, changes: Mapping[str, Any]) -> Any:
    """The value of a field that the sweep began with; `UserError` if an option changes it.

    Its default where none is stored: some fields are stored only if they differ from it.
    """
    key, name = declared.key, declared.name
    value = begun.spec.get(key, declared.default)
    if name in changes and changes[name] != value:
        raise UserError(f"sweep {begun.name!r} keeps its {name}: {value} -> {changes[name]} is "
                        f"another question; leave {declared.flag} out, or begin a new sweep with "
                        "--name.")  # fmt: skip
    return value


def _check_script(begun: SweepSnapshot, sweep: Sweep) -> None:
    """`UserError` if the script asks another question than the sweep was begun with."""
    if begun.spec["model"] != sweep.model.name:
        raise UserError(
            f"sweep {begun.name!r} is of the model {begun.spec['model']!r}, this script sweeps "
            f"{sweep.model.name!r}: resume it by the script that began it."
        )
    objective = begun.spec["objective"]["metric"]
    if sweep.target not in (None, objective):
        raise UserError(
            f"sweep {begun.name!r} keeps its target: {objective} -> {sweep.target} is another "
            "question; set it back in the script, or begin a new sweep with --name."
        )
