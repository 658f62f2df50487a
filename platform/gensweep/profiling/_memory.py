"""What a pack takes of a machine's or a GPU's memory, and what there is for it."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import torch

MIB = 2**20
SHARE = {"cpu": 0.5, "cuda": 0.8}
"""Of the free memory, that a pack may take: evaluations need some too, and a process on a CPU."""
CGROUPS = (("", "memory.max", "memory.current"),
           ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"))  # fmt: skip
"""Folder, limit and use, of version 2 and of version 1."""


def free_mib(device: str, packs: int) -> float:
    """What is free for one of `packs`: they share a machine, but not a GPU."""
    if torch.device(device).type == "cuda":
        return float(torch.cuda.mem_get_info()[0]) / MIB
    left = [float(psutil.virtual_memory().available), *_left_to_groups()]
    return min(left) / packs / MIB


def room_mib(device: str, free: float) -> float:
    """The part of `free` that a pack's lanes may take."""
    return SHARE[torch.device(device).type] * free


def _left_to_groups(root: Path = Path("/sys/fs/cgroup")) -> Iterator[float]:
    """Bytes that the limits of this process's control groups leave, as of a container."""
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        groups = [Path(line.rpartition(":")[2].lstrip("/")) for line in lines]
        for folder, limit, use in CGROUPS:
            for group in {above for one in groups for above in (one, *one.parents)}:
                with suppress(OSError, ValueError):  # ValueError: "max"
                    place = root / folder / group
                    yield int((place / limit).read_text()) - _used(place, use)


def _used(place: Path, use: str) -> int:
    """Bytes in use, without the pages of files that would be dropped for others."""
    kept = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
    dropped = int(kept.get("total_inactive_file", kept.get("inactive_file", 0)))
    return int((place / use).read_text()) - dropped


def _give_back() -> None:
    """Return freed memory to the system, so that it counts when it is taken again."""
    gc.collect()  # a trace and its pack hold each other
    with suppress(AttributeError):  # glibc's alone
        ctypes.CDLL(None).malloc_trim(0)


class MemoryMeter:
    """The memory by which this process, or its part on a GPU, has grown since this was made."""

    def __init__(self, device: str):
        self._cuda = torch.device(device).type == "cuda"
        self._peaks = False
        _give_back()
        self._base = self._now()

    def begin(self) -> None:
        """Forget former peaks, where the kernel allows it."""
        _give_back()
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            return
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
            self._peaks = True

    def grown_mib(self) -> float:
        """At most, since `begin`; if peaks cannot be forgotten, at this time."""
        return max(0.0, self._peak() - self._base) / MIB

    def _now(self) -> float:
        if self._cuda:
            return float(torch.cuda.memory_allocated())
        return float(psutil.Process().memory_info().rss)

    def _peak(self) -> float:
        if self._cuda:
            return float(torch.cuda.max_memory_allocated())
        if not self._peaks:
            return self._now()
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
