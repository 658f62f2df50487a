"""The kinds of faults, each with how it is injected and how it is over."""

import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from faults.packs import training_processes
from faults.schedule import Fault
from faults.stand import WORKERS, Stand

COORDINATOR = "CoordinatorActor"
"""As Ray calls its process."""
STORE = ("swift-account", "swift-container", "swift-object", "swift-proxy")
SLOW_S = 0.3
"""By so much later comes each piece of an answer of a slow server."""
LOSS = 0.2
"""The share of pieces of answers that are cut in their middle."""


def _nothing(stand: Stand, fault: Fault) -> None:
    """What was hit comes back by itself, or the sweep goes on without it."""


@dataclass(frozen=True, slots=True)
class Injection:
    """How a kind of fault begins and is over."""

    begin: Callable[[Stand, Fault], str]
    """Returns what it hit; empty, if there was nothing to hit at that moment."""

    end: Callable[[Stand, Fault], None] = _nothing


def _signal(found: Sequence[psutil.Process], number: int) -> str:
    told = []
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
            told.append(f"process {process.pid}")
    return ", ".join(told)


def _one(found: Sequence[psutil.Process], fault: Fault) -> Sequence[psutil.Process]:
    """The process that the fault chooses, if there is any."""
    return [found[int(fault.choice * len(found))]] if found else []


def signal_pack(number: int) -> Callable[[Stand, Fault], str]:
    """Send a signal to a process that trains."""
    return lambda stand, fault: _signal(_one(training_processes(stand.history), fault), number)


def kill_coordinator(stand: Stand, fault: Fault) -> str:
    """SIGKILL the process of the actor that decides."""
    return _signal(_one(stand.nodes.actors(COORDINATOR), fault), signal.SIGKILL)


def signal_driver(number: int) -> Injection:
    """Send a signal to the script's process."""

    def begin(stand: Stand, fault: Fault) -> str:
        if stand.driver is None or stand.driver.poll() is not None:
            return ""
        stand.driver.send_signal(number)
        return f"process {stand.driver.pid}"

    return Injection(begin)


def lose_node(stand: Stand, fault: Fault) -> str:
    """SIGKILL all processes of a node, as when its host loses power."""
    stand.nodes.cut(_node(fault))
    return _node(fault)


def lose_nodes(stand: Stand, fault: Fault) -> str:
    """SIGKILL all processes of every node that trains."""
    for node in WORKERS:
        stand.nodes.cut(node)
    return ", ".join(WORKERS)


def _node(fault: Fault) -> str:
    return WORKERS[int(fault.choice * len(WORKERS))]


def kill_service(name_of: Callable[[Fault], str]) -> Injection:
    """SIGKILL all processes of a server of the stack, which is then started where it was."""

    def begin(stand: Stand, fault: Fault) -> str:
        hit = _signal(stand.service(name_of(fault)), signal.SIGKILL)
        return f"{name_of(fault)}: {hit}"

    return Injection(begin, lambda stand, fault: stand.mend(name_of(fault)))


def let_packs_go_on(stand: Stand, fault: Fault) -> None:
    """SIGCONT what was stopped, if nobody killed it meanwhile."""
    _signal(training_processes(stand.history), signal.SIGCONT)


STOP_PACK = Injection(signal_pack(signal.SIGSTOP), let_packs_go_on)


def network(server: str, change: Callable[[Stand, str], None]) -> Injection:
    """Change the network before a server; a ledger in a file has none."""

    def begin(stand: Stand, fault: Fault) -> str:
        if server not in stand.proxies:
            return ""
        change(stand, server)
        return server

    return Injection(begin, lambda stand, fault: stand.proxies[server].up())


def away(stand: Stand, server: str) -> None:
    """Refuse connections, and end those that there are."""
    stand.proxies[server].down()


def slow(stand: Stand, server: str) -> None:
    """Let answers come late."""
    stand.proxies[server].delay_s = SLOW_S


def cut(stand: Stand, server: str) -> None:
    """Cut connections in the middle of answers."""
    stand.proxies[server].loss = LOSS


INJECTIONS: Mapping[str, Injection] = {
    "kill_pack": Injection(signal_pack(signal.SIGKILL)),
    "stop_pack": STOP_PACK,
    "silence_pack": STOP_PACK,
    "hang_pack": STOP_PACK,
    "kill_coordinator": Injection(kill_coordinator),
    "kill_driver": signal_driver(signal.SIGKILL),
    "interrupt_driver": signal_driver(signal.SIGINT),
    "lose_node": Injection(lose_node, lambda stand, fault: stand.nodes.join(_node(fault))),
    "lose_nodes": Injection(lose_nodes, lambda stand, fault: stand.nodes.join(*WORKERS)),
    "kill_store_process": kill_service(lambda fault: STORE[int(fault.choice * len(STORE))]),
    "kill_tracker": kill_service(lambda fault: "mlflow"),
    **{
        f"{server}_{name}": network(server, change)
        for server in ("store", "tracker", "database")
        for name, change in (("away", away), ("slow", slow), ("cut", cut))
    },
}
