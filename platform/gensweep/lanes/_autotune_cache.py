"""What was measured on a machine, kept in a file that all processes share."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import torch

from gensweep.files import lock_file, write_atomically
from gensweep.machine import device_name

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
        with lock_file(file.with_suffix(".lock"), mode=0o666):
            every = _read(file)
            known = every.setdefault(machine, {})
            before = dict(known)
            complete(known)
            if known != before:
                text = json.dumps(every, indent=1, sort_keys=True) + "\n"
                write_atomically(file, text, mode=0o666)
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
    """Name the device and PyTorch's settings, as far as times and last bits depend on them."""
    if device.type == "cuda":
        tf32 = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
        settings = f"tf32 {tf32}"
    else:
        capability = torch.backends.cpu.get_cpu_capability()
        settings = f"{capability}, {torch.get_num_threads()} threads"
    return f"torch {torch.__version__}, {device_name(device)}, {settings}"


def _read(file: Path) -> dict[str, Choices]:
    """Empty if the file is missing or broken."""
    try:
        found = json.loads(file.read_text())
        return {str(m): {str(k): str(v) for k, v in one.items()} for m, one in found.items()}
    except (FileNotFoundError, ValueError, AttributeError):
        return {}
