"""The machine that computes, in words: for people, and to tell what was measured on another one."""

import os
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def processor_name() -> str:
    """Read the processor's model; its architecture, such as `aarch64`, where Linux names none."""
    file = Path("/proc/cpuinfo")
    lines = file.read_text().splitlines() if file.exists() else []
    models = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(models, platform.machine())


def device_name(device: "torch.device | str") -> str:
    """Name the GPU, such as `NVIDIA H200`, or the processor and the machine's number of cores."""
    import torch

    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{processor_name()}, {os.cpu_count()} cores"
