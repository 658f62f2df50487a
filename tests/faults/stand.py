"""A stack, a Ray cluster of several nodes and a database of their own, behind faulty networks."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Any

import psutil

from benchmarks.scale import postgres
from gensweep.call_history import FOLDER
from gensweep.home import Home
from gensweep.stack import _services, _up
from gensweep.stack._env import variables
from gensweep.stack._ports import choose_port, choosing_ports
from gensweep.stack._process import marked, stop
from proxy import Proxy
from raynodes import RayNodes, ray_nodes
from waiting import until

WORKERS = ("i-a", "i-b")
CALLS = ("CoreWorkerService.grpc_client.PushTask",
         "NodeManagerService.grpc_client.RequestWorkerLease",
         "ray::rpc::ActorInfoGcsService.grpc_client.RegisterActor",
         "ray::rpc::ActorInfoGcsService.grpc_client.CreateActor")  # fmt: skip
"""Of Ray's, those by which tasks, and actors with their processes, come about."""
FOREIGN = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_")


@dataclass
class Stand:
    """Where a sweep runs: its servers, the proxies before them, its nodes, and its driver."""

    home: Home
    state: dict[str, Any]
    """Of the stack, as `Home` keeps it."""

    proxies: dict[str, Proxy]
    """By `store`, `tracker` and `database`."""

    nodes: RayNodes
    env: dict[str, str]
    """In which a sweep runs, behind the proxies."""

    direct: dict[str, str]
    """As `env`, without proxies: for who looks at what a sweep left."""

    driver: "Popen[str] | None" = field(default=None)

    @property
    def history(self) -> Path:
        """The folder of the processes' histories."""
        return Path(self.env[FOLDER])

    @property
    def ledger(self) -> str:
        """The ledger of its sweeps, without a proxy."""
        return self.direct.get("GENSWEEP_LEDGER") or f"{self.home.path}/studies"

    def service(self, name: str) -> list[psutil.Process]:
        """The processes of a server of the stack."""
        return marked(f"{self.state['id']}/{name}")

    def mend(self, *names: str) -> None:
        """Start servers of the stack again, where they were, and wait until they answer."""
        for name in names:
            _up._start(self.home, self.state, name)


def failing_calls(percent: int) -> dict[str, str]:
    """Variables by which so many of Ray's calls fail before they arrive, and as many after."""
    prob = {"num_failures": -1, "req_failure_prob": percent, "resp_failure_prob": percent}
    return {"RAY_testing_rpc_failure": json.dumps(dict.fromkeys(CALLS, prob))} if percent else {}


@contextmanager
def stand(folder: Path, seed: int, rpc_failures: int = 0) -> Iterator[Stand]:
    """Start everything in a folder, and stop every process of it at the end.

    `rpc_failures`: see `failing_calls`.
    """
    with ExitStack() as opened, _environment(folder):
        home = Home(folder / ".gensweep")
        state = _start_servers(home)
        opened.callback(lambda: stop(marked(state["id"])))
        ledger, proxies = opened.enter_context(_ledger()), {}
        ports = {"store": state["ports"]["swift-proxy"], "tracker": state["ports"]["mlflow"]}
        if ledger:
            ports["database"] = int(ledger.rpartition(":")[2].split("/")[0])
        for name, port in ports.items():
            proxies[name] = Proxy(port, seed)
            opened.callback(proxies[name].down)
        direct = {k: v for k, v in variables(home, state).items() if not k.startswith("RAY_")}
        direct |= {FOLDER: str(folder / "history"), "OMP_NUM_THREADS": "1"}
        direct |= {"GENSWEEP_LEDGER": ledger} if ledger else {}
        os.environ.update(direct)  # this process looks at what a sweep left
        behind = {name: _behind(value, proxies) for name, value in direct.items()}
        nodes = opened.enter_context(ray_nodes(**behind, **failing_calls(rpc_failures)))
        nodes.head()
        until(lambda: nodes.started("i-head"), 60, lambda: nodes.told("i-head"))
        nodes.join(*WORKERS)
        yield Stand(home, state, proxies, nodes, nodes.env, nodes.env | direct)


@contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """Meanwhile, no variable leads this process to another stack; changes end with it."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        del os.environ[name]
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(folder / "token")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _start_servers(home: Home) -> dict[str, Any]:
    """Start the store and the tracker of a new stack; Ray's nodes are of their own."""
    with home.locked():
        state: dict[str, Any] = {"store": "swift", "id": os.urandom(8).hex()}
        with choosing_ports():
            for port in _up.RAY_PORTS:  # which the stack's variables name
                choose_port(state, port)
            _up._mend(
                home, state, [n for n in _services.names("swift") if n not in ("ray", "resumer")]
            )
    return state


@contextmanager
def _ledger() -> Iterator[str]:
    """The URL of a database of its own; empty where there is no PostgreSQL: a file serves."""
    found = postgres.programs()
    if found is None:
        yield ""
    else:
        with postgres.server(found, durable=False) as url:
            yield url


def _behind(value: str, proxies: dict[str, Proxy]) -> str:
    """The same address, through the proxy of its port."""
    for proxy in proxies.values():
        value = value.replace(f"127.0.0.1:{proxy.to}", f"127.0.0.1:{proxy.port}")
    return value


def new_folder() -> Path:
    """A folder with a short name: the paths of sockets are in it."""
    return Path(tempfile.mkdtemp(prefix="faults-"))
