"""The machine that a benchmark ran on."""

import os
from typing import Any

import torch

from gensweep.machine import device_name, processor_name


def machine() -> dict[str, Any]:
    """Processor, cores, and the GPU if there is one."""
    gpu = device_name("cuda") if torch.cuda.is_available() else None
    return {"cores": os.cpu_count(), "processor": processor_name(), "gpu": gpu}
