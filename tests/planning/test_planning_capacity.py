"""A sweep must fit into its cluster, which may have lost nodes that come back."""

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from raynodes import RayNodes, ray_nodes
from waiting import until

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.slow("Ray nodes join and are lost", minutes=1),
]

SCRIPT = """
import sys
from gensweep.cluster import connect
from gensweep.errors import UserError
from gensweep.patience import Patience
from gensweep.planning import parse_request
from gensweep.planning._capacity import check_capacity
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG

GAN = CATALOG["gan"]
connect()
print("says joined", flush=True)
for line in sys.stdin:
    packs, wait_s = line.split()
    sweep = Sweep(name="s", model=GAN, space=GAN.space)
    request = parse_request("A test.", sweep, ["--packs", packs])
    try:
        Patience(float(wait_s)).keep_trying(lambda: check_capacity(request))
        print("says fits", flush=True)
    except UserError as error:
        print("says", type(error).__name__, error, flush=True)
"""


@pytest.fixture
def nodes() -> Iterator[RayNodes]:
    """A head and a worker of one CPU."""
    with ray_nodes() as started:
        started.head()
        until(lambda: started.started("i-head"), 60, lambda: started.told("i-head"))
        started.join("i-a")
        yield started


def ask(script: "subprocess.Popen[str]", packs: int, wait_s: float) -> Any:
    """Have the script check a sweep of so many packs."""
    assert script.stdin is not None
    print(packs, wait_s, file=script.stdin, flush=True)


def answer(script: "subprocess.Popen[str]") -> str:
    """Read what it says next, but for what Ray and who waits tell."""
    assert script.stdout is not None
    return next(line for line in script.stdout if line.startswith("says "))[len("says ") :].strip()


@pytest.mark.stack
def test_a_cluster_that_lost_a_node_is_waited_for(nodes: RayNodes) -> None:
    script = nodes.script(SCRIPT, stdin=subprocess.PIPE)
    assert answer(script) == "joined"
    ask(script, 1, 60)
    assert answer(script) == "fits"
    ask(script, 2, 60)  # at once: no node is missing
    assert answer(script).startswith("UserError 2 packs of 1 ranks: this cluster has 1 CPUs")
    nodes.cut("i-a")
    until(lambda: "i-a" not in nodes.alive(), 30)
    ask(script, 1, 0)
    assert answer(script).startswith("ServerAwayError 1 packs of 1 ranks: this cluster has 0 CPUs")
    ask(script, 1, 120)
    nodes.join("i-b")
    assert answer(script) == "fits"
    script.kill()
    script.communicate()
