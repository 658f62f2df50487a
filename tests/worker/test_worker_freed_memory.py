"""Memory that a pack frees is the memory that it asks for next."""

import subprocess
import sys

STEPS = """
import resource, sys, torch
from gensweep.worker._freed_memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()

def step():
    return sum(float(torch.ones(megabytes * 2**18)[-1]) for megabytes in (3, 5, 40))

step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
assert [step() for _ in range(20)] == [3.0] * 20
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize())
"""


def fresh_bytes(*how: str) -> int:
    """The bytes that the system had to give a process anew in twenty steps of 48 MiB."""
    done = subprocess.run([sys.executable, "-c", STEPS, *how], text=True, capture_output=True,
                          check=True)  # fmt: skip
    return int(done.stdout)


def test_no_page_is_asked_for_twice() -> None:
    assert 10 * fresh_bytes("kept") < fresh_bytes("given back")
