"""The machine in words: one description for people and for all that is measured once a machine."""

import os

import pytest
import torch

from gensweep.lanes._autotune_cache import machine_key
from gensweep.machine import device_name, processor_name


def test_a_processor_is_named_with_its_cores() -> None:
    assert processor_name().strip()
    for device in ("cpu", torch.device("cpu")):
        assert device_name(device) == f"{processor_name()}, {os.cpu_count()} cores"


def test_a_choice_is_of_a_machine_and_of_what_its_last_bits_depend_on() -> None:
    threads = torch.get_num_threads()
    found = set()
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.add(machine_key(torch.device("cpu")))
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 2
    assert all(device_name("cpu") in name and torch.__version__ in name for name in found)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_is_named_alone() -> None:
    assert device_name("cuda") == torch.cuda.get_device_name()
    assert device_name("cuda:0") in machine_key(torch.device("cuda:0"))
