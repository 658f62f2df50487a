"""Starts processes with a stack's mark, knows them by pid and start time, stops them by pid."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from gensweep.errors import UserError

# Every descendant inherits it, so that a piece whose parent was killed is still found.
MARK = "GENSWEEP_STACK_ID"


def spawn(argv: Sequence[str], env: Mapping[str, str], log: Path, cwd: Path) -> dict[str, Any]:
    """Start a process in a session of its own; return its record: pid, start time, log."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return {"pid": child.pid, "started": psutil.Process(child.pid).create_time(), "log": str(log)}


def is_alive(record: Mapping[str, Any] | None) -> bool:
    """Return whether the recorded process itself runs: a recycled pid has another start time."""
    if record is None:
        return False
    try:
        process = psutil.Process(record["pid"])
        same = abs(process.create_time() - record["started"]) < 0.05
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def marked(mark: str) -> list[psutil.Process]:
    """Find all processes that carry the mark of a stack (`id` or `id/service`)."""
    found = []
    for process in psutil.process_iter():
        try:
            value = process.environ().get(MARK, "")
        except (psutil.Error, OSError):
            continue
        if value == mark or value.startswith(mark + "/"):
            found.append(process)
    return found


def stop(processes: Sequence[psutil.Process], grace_s: float = 5.0) -> None:
    """Terminate processes, and kill those that still run after `grace_s` seconds.

    psutil compares the start time before it signals, so a recycled pid is not hit.
    """
    for process in processes:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, left = psutil.wait_procs(processes, timeout=grace_s)
    for process in left:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(left, timeout=grace_s)


def wait_until(
    ready: Callable[[], bool], record: Mapping[str, Any], name: str, timeout_s: float = 60.0
) -> None:
    """Wait until a service is ready.

    Raises:
        UserError: it ended or did not answer in time; names its log.
    """
    deadline = time.monotonic() + timeout_s
    while not ready():
        if not is_alive(record):
            raise UserError(f"{name} ended while starting: its log is {record['log']}.")
        if time.monotonic() > deadline:
            raise UserError(f"{name} gave no answer in {timeout_s:g} s: see {record['log']}.")
        time.sleep(0.1)
