"""Ray nodes on this machine, each in a process of its own, as the hosts of a cluster run them."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil

from infra.aws import free_port
from waiting import until

ROOT = Path(__file__).parents[1]
PATH = os.pathsep.join(str(ROOT / name) for name in ("platform", "models", "tests"))

ASK = """
import json, sys, time
from gensweep.cluster._nodes import Nodes, Unreachable
nodes = Nodes(sys.argv[1])
for line in sys.stdin:
    try:
        found = nodes.alive()
        if (asked := json.loads(line)) is None:
            said = {i: n.draining for i, n in found.items()}
        else:
            instance, seconds = asked
            end = None if seconds is None else time.time() + seconds
            said = nodes.drain(found[instance], "test", end)
    except Unreachable:
        said = {}
    print(json.dumps(said), flush=True)
"""


class RayNodes:
    """A head on 127.0.0.1, and workers that join and leave."""

    def __init__(self, folder: Path, env: Mapping[str, str]):
        foreign = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_")
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        self.env |= {"PYTHONPATH": PATH, "RAY_ADDRESS": self.address,
                     "RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token",
                     "RAY_AUTH_TOKEN": "a" * 64, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": "0",
                     "RAY_enable_autoscaler_v2": "1", "RAY_TMPDIR": str(folder),
                     "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1",
                     "RAY_raylet_start_wait_time_s": "120", "OMP_WAIT_POLICY": "passive",
                     "RAY_health_check_period_ms": "500",  # a dead node is missed in 3 s, not 15
                     **env}  # fmt: skip
        self._asker: subprocess.Popen[str] | None = None
        self.nodes: dict[str, subprocess.Popen[bytes]] = {}

    def head(self, *options: str, **env: str) -> None:
        """Start the head, without room for tasks."""
        host, _, port = self.address.partition(":")
        self._start("i-head", "head", env, "--head", f"--port={port}", f"--node-ip-address={host}",
                    "--num-cpus=0", "--num-gpus=0", f"--temp-dir={self.folder}",
                    "--include-dashboard=false", *options)  # fmt: skip

    def worker(self, instance: str, pool: str, *options: str) -> None:
        """Start a worker that says it is `instance` of `pool`."""
        # The logs are in one folder, which the head's monitor sees.
        self._start(instance, pool, {}, f"--address={self.address}",
                    "--include-log-monitor=false", *options)  # fmt: skip

    def _start(self, instance: str, pool: str, env: Mapping[str, str], *options: str) -> None:
        argv = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block",
                "--object-store-memory=80000000", *options]  # fmt: skip
        mine = {"RAY_CLOUD_INSTANCE_ID": instance, "RAY_NODE_TYPE_NAME": pool, **env}
        with (self.folder / f"{instance}.log").open("wb") as log:
            self.nodes[instance] = subprocess.Popen(
                argv, env=self.env | mine, stdout=log, stderr=log, start_new_session=True
            )

    def started(self, instance: str) -> bool:
        """Whether the node says that it runs."""
        return "Ray runtime started" in (self.folder / f"{instance}.log").read_text()

    def join(self, *instances: str) -> None:
        """Let workers join at once, each with a folder and a resource of its own name.

        In one folder, nodes that start at the same time take each other's sockets.
        """
        for one in instances:
            named = [f'--resources={{"{one}": 1}}', f"--temp-dir={self.folder / one}"]
            self.worker(one, "spot", "--num-cpus=1", "--num-gpus=0", *named)
        for one in instances:
            until(lambda: self.started(one), 120, lambda: self.told(one))  # noqa: B023

    def told(self, instance: str) -> str:
        """The end of what a node wrote."""
        return (self.folder / f"{instance}.log").read_text()[-1500:]

    def alive(self) -> dict[str, bool]:
        """Instance to whether its node drains."""
        found = self._ask(None)
        return found if isinstance(found, dict) else {}

    def drain(self, instance: str, seconds: float | None = None) -> None:
        """Do what the drainer does upon a notice: the node has so long, None: nobody knows."""
        refused = self._ask([instance, seconds])
        assert refused == "", refused

    def _ask(self, what: list[str | float | None] | None) -> dict[str, bool] | str | None:
        """Have a process that is ready for it speak to the head; None if it dies of that."""
        if self._asker is None or self._asker.poll() is not None:
            self._asker = self.script(ASK, self.address, stdin=subprocess.PIPE)
        assert self._asker.stdin is not None
        assert self._asker.stdout is not None
        print(json.dumps(what), file=self._asker.stdin, flush=True)
        said: dict[str, bool] | str | None = None
        with suppress(json.JSONDecodeError):
            said = json.loads(self._asker.stdout.readline())
        return said

    def cut(self, instance: str) -> None:
        """End a node at once, as when its host loses power."""
        node = self.nodes.pop(instance, None)
        if node is not None:
            kill([p for p in psutil.process_iter() if session(p) == node.pid])
            node.wait(60)

    def stop(self) -> None:
        """End every process of these nodes, also those whose parents have ended."""
        if self._asker is not None:
            self._asker.kill()
            self._asker.communicate()
        kill([p for p in psutil.process_iter() if self._mine(p)])
        for node in self.nodes.values():
            node.wait(60)

    def actor(self, name: str) -> int:
        """The id of the process of an actor of the class `name`."""
        found = self.actors(name)
        assert found, f"no process of an actor {name}"
        return found[0].pid

    def actors(self, name: str) -> list[psutil.Process]:
        """The processes of actors of the class `name`."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if f"ray::{name}" in str(process.cmdline()) and self._mine(process):
                    found.append(process)
        return found

    def instance_of(self, actor: int) -> str:
        """The worker on which the process of an actor runs."""
        parents = {process.pid for process in psutil.Process(actor).parents()}
        return next(name for name, node in self.nodes.items() if node.pid in parents)

    def _mine(self, process: psutil.Process) -> bool:
        """Whether a node or a driver is its origin: Ray's agents write over their environment."""
        if session(process) in {node.pid for node in self.nodes.values()}:
            return True
        try:
            return bool(process.environ().get("RAY_TMPDIR") == str(self.folder))
        except psutil.Error:
            return False

    def script(self, code: str, *args: str, stdin: int | None = None) -> "subprocess.Popen[str]":
        """A driver of the cluster."""
        return subprocess.Popen([sys.executable, "-c", code, *args], env=self.env, text=True,
                                stdin=stdin, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)  # fmt: skip

    def logs(self, part: str) -> str:
        """What Ray's logs of that name say."""
        found = sorted((self.folder / "session_latest" / "logs").glob(f"*{part}*"))
        return "\n".join(file.read_text(errors="replace") for file in found if file.is_file())

    def monitor(self) -> psutil.Process:
        """The process that scales the cluster."""
        head = psutil.Process(self.nodes["i-head"].pid)
        return next(p for p in head.children(recursive=True) if "monitor.py" in str(p.cmdline()))

    def restart_monitor(self) -> None:
        """End the process that scales the cluster, and start it anew."""
        old = self.monitor()
        argv, env = old.cmdline(), old.environ()
        old.send_signal(signal.SIGTERM)
        old.wait(20)
        with (self.folder / "monitor-again.log").open("ab") as log:
            self.nodes["monitor"] = subprocess.Popen(argv, env=env, stdout=log, stderr=log,
                                                     start_new_session=True)  # fmt: skip


def session(process: psutil.Process) -> int:
    """The process that leads its session; 0 if it has ended."""
    try:
        return os.getsid(process.pid)
    except ProcessLookupError:
        return 0


def kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


@contextmanager
def ray_nodes(**env: str) -> Iterator[RayNodes]:
    folder = Path(tempfile.mkdtemp(prefix="rn-", dir="/tmp"))  # sockets have short paths
    nodes = RayNodes(folder, env)
    try:
        yield nodes
    finally:
        nodes.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def stack_nodes(stack: Any, *workers: str, **env: str) -> Iterator[RayNodes]:
    """A head, and workers of one CPU, with the store and the tracker of a stack."""
    mine = {k: v for k, v in stack.env.items() if not k.startswith("RAY_")}
    with ray_nodes(**mine, **env) as nodes:
        nodes.head()
        until(lambda: nodes.started("i-head"), 180, lambda: nodes.told("i-head"))
        nodes.join(*workers)
        yield nodes
