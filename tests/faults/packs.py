"""Which processes train: those in whose histories a coordinator gave them trials."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from faults.evidence import read_history


def training_processes(histories: Path) -> list[psutil.Process]:
    """The living processes that lease trials, send heartbeats and upload, the first one first.

    That is Tune's process of a pack of one rank, whose Train run is in it, and a process of Train
    for each rank of a larger one: a history bears the id of the process that wrote it.
    """
    files = sorted(histories.glob("pack-*.jsonl"), key=_begun)
    return [process for file in files if _has_trials(file) for process in _alive(file)]


def _alive(file: Path) -> Iterator[psutil.Process]:
    """The process that writes a history; none if it has ended, also if its id is another's now."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(file.stem.split("-")[1]))
        if process.create_time() <= _begun(file) and process.status() != psutil.STATUS_ZOMBIE:
            yield process


def _begun(file: Path) -> float:
    """When a history was begun, as its name says."""
    return int(file.stem.split("-")[2], 16) / 1e9


def _has_trials(file: Path) -> bool:
    """Return whether the process was given trials."""
    events = read_history(file.read_text().splitlines(keepends=True))
    return any(e.call == "lease" and e.event == "answered" and e.answer for e in events)
