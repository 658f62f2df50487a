"""What was measured on a machine, kept in a file that all processes share."""

import json
import os
import platform
import secrets
from collections.abc import Callable
from fcntl import LOCK_EX, flock
from pathlib import Path

import torch

Choices = dict[str, str]
"""What was to be chosen, in words, to the name of what was."""


def kept(machine: str, complete: Callable[[Choices], None]) -> Choices:
    """The choices of `machine` after `complete` has added what is missing; they are then kept.

    Empty where nothing can be kept. One process at a time: two that measured at once would
    choose twice, and disturb each other.
    """
    file = choices_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.with_suffix(".lock").open("w") as lock:
            flock(lock, LOCK_EX)
            every = _read(file)
            known = every.setdefault(machine, {})
            before = dict(known)
            complete(known)
            if known != before:
                _write(file, every)
            return known
    except OSError:
        return {}


def choices_file() -> Path:
    """In `$GENSWEEP_HOME/cache`, or in the user's folder of caches."""
    if home := os.environ.get("GENSWEEP_HOME"):
        return Path(home).absolute() / "cache" / "convolutions.json"
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "gensweep" / "convolutions.json"


def machine(device: torch.device) -> str:
    """The device in words, as far as times and last bits depend on it."""
    if device.type == "cuda":
        tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        return f"torch {torch.__version__}, {torch.cuda.get_device_name(device)}, tf32 {tf32}"
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.exists() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    kind = f"{(names or [platform.machine()])[0]} {torch.backends.cpu.get_cpu_capability()}"
    return f"torch {torch.__version__}, {kind}, {torch.get_num_threads()} threads"


def _read(file: Path) -> dict[str, Choices]:
    """Empty if the file is missing or broken."""
    try:
        found = json.loads(file.read_text())
        return {str(m): {str(k): str(v) for k, v in one.items()} for m, one in found.items()}
    except (FileNotFoundError, ValueError, AttributeError):
        return {}


def _write(file: Path, every: dict[str, Choices]) -> None:
    scratch = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    scratch.write_text(json.dumps(every, indent=1, sort_keys=True) + "\n")
    scratch.replace(file)
