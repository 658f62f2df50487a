"""Memory of packs: how much of a machine or a GPU is free, and how much a pack takes."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import torch

MIB = 2**20
SHARE = {"cpu": 0.5, "cuda": 0.8}
"""The part of the free memory that a pack's lanes may take. Evaluations need some of the rest, and
on a CPU so do the other processes of the machine."""
CGROUPS = (("", "memory.max", "memory.current"),
           ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes"))  # fmt: skip
"""Folder, limit's file and use's file, in control groups of version 2 and of version 1."""


def measure_free_mib(device: str, packs: int) -> float:
    """Measure the MiB free for one of `packs`: they share a machine's memory, but not a GPU's."""
    if torch.device(device).type == "cuda":
        return float(torch.cuda.mem_get_info()[0]) / MIB
    # In a container the machine's free memory is more than the kernel grants: the least counts.
    left = [float(psutil.virtual_memory().available), *_cgroup_headroom()]
    return min(left) / packs / MIB


def usable_mib(device: str, free_mib: float) -> float:
    """Return the part of `free_mib` that a pack's lanes may take."""
    return SHARE[torch.device(device).type] * free_mib


def _cgroup_headroom(root: Path = Path("/sys/fs/cgroup")) -> Iterator[float]:
    """Yield the bytes that each memory limit on this process leaves, such as a container's."""
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        groups = [Path(line.rpartition(":")[2].lstrip("/")) for line in lines]
        for folder, limit, use in CGROUPS:
            # A parent's limit binds its children, so every group up to the root is asked.
            for group in {above for one in groups for above in (one, *one.parents)}:
                with suppress(OSError, ValueError):  # ValueError: "max"
                    place = root / folder / group
                    yield int((place / limit).read_text()) - _used(place, use)


def _used(place: Path, use: str) -> int:
    """Return the bytes in use, less the file cache that the kernel would drop on demand."""
    stat = dict(line.split() for line in (place / "memory.stat").read_text().splitlines())
    dropped = int(stat.get("total_inactive_file", stat.get("inactive_file", 0)))
    return int((place / use).read_text()) - dropped


def _release_freed() -> None:
    """Return freed memory to the system, so that a pack that takes it again is charged for it."""
    gc.collect()  # a trace and its pack hold each other
    with suppress(AttributeError):  # glibc's alone
        ctypes.CDLL(None).malloc_trim(0)


def is_out_of_memory(error: Exception) -> bool:
    """Return whether a GPU's memory, or a CPU's, was not enough."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


class MemoryMeter:
    """Measures by how much this process, or its part on a GPU, has grown since this was made."""

    def __init__(self, device: str):
        self._cuda = torch.device(device).type == "cuda"
        self._peaks = False
        _release_freed()
        self._base = self._now()

    def begin(self) -> None:
        """Start a measurement: forget former peaks, where the kernel allows it."""
        _release_freed()
        if self._cuda:
            torch.cuda.reset_peak_memory_stats()
            return
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # sets VmHWM back to what is resident
            self._peaks = True

    def grown_mib(self) -> float:
        """Return the MiB of growth: the peak since `begin`, or now if peaks cannot be reset."""
        return max(0.0, self._peak() - self._base) / MIB

    def _now(self) -> float:
        if self._cuda:
            return float(torch.cuda.memory_allocated())
        return float(psutil.Process().memory_info().rss)

    def _peak(self) -> float:
        # A turn's temporaries are gone when it ends: only a peak shows what a pack needs.
        if self._cuda:
            return float(torch.cuda.max_memory_allocated())
        if not self._peaks:
            return self._now()
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
