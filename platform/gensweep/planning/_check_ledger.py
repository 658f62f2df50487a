"""Checks of the ledger, where sweeps keep their trials, and of the sweep that is to go on."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from gensweep.errors import ServerAwayError, UserError
from gensweep.files import FULL
from gensweep.space import space_as_json
from gensweep.spec import RunRequest, Sweep
from gensweep.study import (
    SweepSnapshot,
    completed,
    difference,
    journal_path,
    list_sweeps,
    only_writer,
    plain,
    unknown_sweep,
)

if TYPE_CHECKING:
    from gensweep.data import Dataset

UPLOADED = "/runtime_resources/working_dir_files/"
"""Where Ray unpacks what `ray job submit --working-dir` uploads."""
CURE = "set GENSWEEP_LEDGER to a file in a writable folder, or to the URL of a data base"


def check_home(home: str) -> None:
    """`UserError` if Ray would delete the home folder with the job that runs the sweep."""
    if UPLOADED in home:
        raise UserError(f"{home} is in Ray's copy of the checkout, which it deletes: set "
                        "GENSWEEP_HOME to a folder that stays.")  # fmt: skip


def check_ledger(ledger: str) -> None:
    """`UserError` unless sweeps can be kept in `ledger`, a path or a URL; makes nothing."""
    path = journal_path(ledger)
    if path is not None and not _is_new(path) and not _is_journal(path):
        raise UserError(f"the ledger {path} is a file of something else: {CURE}.")
    try:
        list_sweeps(ledger)
    except UserError:
        raise
    except Exception as error:  # Optuna's own, of a journal that it cannot read
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        raise UserError(f"the ledger {ledger} cannot be read ({reason}): {CURE}.") from error


def _is_new(path: Path) -> bool:
    """Return whether the ledger is still to be made; `UserError` if it cannot be written.

    A temporary file is the one sure test: root, and read-only disks, pass others.
    """
    folder = next((parent for parent in path.parents if parent.exists()), path)
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        if path.exists():
            path.open("r+b").close()
    except OSError as error:
        kind = ServerAwayError if error.errno in FULL else UserError
        raise kind(f"the ledger {path} cannot be written ({error.strerror}): {CURE}.") from None
    return not path.exists()


def _is_journal(path: Path) -> bool:
    """Return whether the file is empty or begins as a journal; Optuna would write on in others."""
    with path.open("rb") as file:
        return file.read(1) in (b"", b"{")


def find_sweep(request: RunRequest, ledger: str) -> SweepSnapshot | None:
    """Look up the sweep to resume, None for a new one.

    `UserError` if a new sweep's name is taken, if there is none to resume, if it asks another
    question, or if it is being run.
    """
    views = {view.name: view for view in list_sweeps(ledger)}
    name = request.sweep.name
    if not request.resume:
        if name in views:
            raise UserError(f"sweep {name!r} exists: go on with it by --resume {name}.")
        return None
    if name not in views:
        raise unknown_sweep(name, list(views), ledger)
    _check_question(request.sweep, views[name])
    with only_writer(ledger, name):  # raises if another process runs it
        return views[name]


def _check_question(sweep: Sweep, view: SweepSnapshot) -> None:
    """`UserError` shows how the script's sweep differs from the one that it resumes."""
    now = plain(sweep.identity() | {"space": space_as_json(sweep.space), "sampler": sweep.sampler,
                                    "strata": list(sweep.strata)})  # fmt: skip
    stored = completed(view.spec, now)
    before = {key: stored.get(key) for key in now}
    if changes := difference(before, now):
        raise UserError(
            f"sweep {view.name!r} was begun with other settings ({'; '.join(changes)}): set them "
            "back in the script, or begin a new sweep with --name."
        )


def check_data(dataset: "Dataset", view: SweepSnapshot) -> None:
    """`UserError` if the data are not those that the sweep to resume was begun with."""
    if dataset.hash != view.spec["data_hash"]:
        raise UserError(f"the data of sweep {view.name!r} have changed: sha256 "
                        f"{view.spec['data_hash'][:12]} -> {dataset.hash[:12]}; bring the old ones "
                        "back, or begin a new sweep with --name.")  # fmt: skip
