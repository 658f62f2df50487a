"""The file of measured choices, which all processes of a machine share."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch

from gensweep.files import lock_file, write_atomically
from gensweep.machine import device_name

Choices = dict[str, str]
"""Chosen names by what they were chosen for, in words."""


def load_or_measure(key: str, complete: Callable[[Choices], None]) -> Choices:
    """Load the choices of a machine, let `complete` measure what is missing, and store them.

    Empty where the file cannot be written. One process at a time: two that measured at once would
    choose twice, and disturb each other.
    """
    file = choices_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with lock_file(file.with_suffix(".lock"), mode=0o666):
            # Read under the lock: another process may just have chosen, and its choice stands.
            every = _read(file)
            known = every.setdefault(key, {})
            before = dict(known)
            complete(known)
            if known != before:
                text = json.dumps(every, indent=1, sort_keys=True) + "\n"
                write_atomically(file, text, mode=0o666)
            return known
    except OSError:
        return {}


def choices_file() -> Path:
    """Return the path: in `$GENSWEEP_HOME/cache`, or in the user's folder of caches."""
    if home := os.environ.get("GENSWEEP_HOME"):
        return Path(home).absolute() / "cache" / "convolutions.json"
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches) / "gensweep" / "convolutions.json"


def machine_key(device: torch.device) -> str:
    """Name the device and PyTorch's settings, as far as times and last bits depend on them."""
    if device.type == "cuda":
        tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        settings = f"tf32 {tf32}"
    else:
        capability = torch.backends.cpu.get_cpu_capability()
        settings = f"{capability}, {torch.get_num_threads()} threads"
    return f"torch {torch.__version__}, {device_name(device)}, {settings}"


def _read(file: Path) -> dict[str, Choices]:
    """Read the choices of all machines; empty if the file is missing or broken."""
    try:
        found = json.loads(file.read_text())
        return {str(m): {str(k): str(v) for k, v in one.items()} for m, one in found.items()}
    except (FileNotFoundError, ValueError, AttributeError, RecursionError):
        return {}
