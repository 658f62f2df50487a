"""The same sweep left alone: run once, and remembered for as long as the code is the same."""

import hashlib
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from faults.drive import OPTIONS, PLACED, SCRIPT, drive
from faults.evidence import Run, Undisturbed
from faults.gather import runs_of, trials_of
from faults.stand import Stand
from gensweep.files import write_atomically

ROOT = Path(__file__).resolve().parents[2]
NAME = "undisturbed"


def undisturbed(stand: Stand, trials: int, tell: Callable[[str], None]) -> Undisturbed:
    """Return what the sweep ends with if nothing disturbs it.

    Raises `RuntimeError` if its driver ends otherwise than well.
    """
    file = _cache() / f"{_key(trials)}.json"
    if file.exists():
        tell(f"the undisturbed sweep is that of {file}")
        return _read(file)
    tell("the undisturbed sweep runs first")
    course = drive(stand, NAME, trials, [], tell)
    found = Undisturbed(trials=trials_of(stand, NAME), runs=runs_of(stand, NAME),
                        seconds=course.seconds)  # fmt: skip
    if not course.ended or any(trial["attempts"] != 1 for trial in found.trials):
        raise RuntimeError(f"the undisturbed sweep did not end well: {course.typed}")
    write_atomically(file, json.dumps(asdict(found)))
    for history in stand.history.glob("*.jsonl"):  # of the disturbed sweep alone
        history.unlink()
    return found


def _read(file: Path) -> Undisturbed:
    stored = json.loads(file.read_text())
    return Undisturbed(**stored | {"runs": [Run(**run) for run in stored["runs"]]})


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "gensweep" / "faults"


def _key(trials: int) -> str:
    """A hash of the code, the settings and the machine: of all that numbers depend on."""
    known = hashlib.sha256(f"{trials} {OPTIONS} {PLACED} {torch.__version__} "
                           f"{platform.processor()} {os.cpu_count()}".encode())  # fmt: skip
    for file in sorted([*ROOT.glob("platform/**/*.py"), *ROOT.glob("models/**/*.py"), SCRIPT]):
        known.update(file.read_bytes())
    return known.hexdigest()[:16]
