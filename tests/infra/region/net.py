"""The network of a region: one namespace for the cloud, one for each host, and a bridge."""

import re
import subprocess
from pathlib import Path

NETWORK, PREFIX = "10.77", 16
GATEWAY = f"{NETWORK}.255.254"
METADATA = "169.254.169.254"
OUTSIDE, CLOUD_SIDE = "10.78.255.1", "10.78.255.2"
"""A pair of addresses by which the test reaches the cloud."""


def ip(*words: str, check: bool = True) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {done.stderr.strip()} (root is needed)")


class Network:
    """Namespaces whose names start with `name`: g and the test's process id."""

    def __init__(self, name: str) -> None:
        self.cloud, self._name = f"{name}-cloud", name
        self.hosts: set[str] = set()

    def up(self) -> None:
        """The cloud, which hosts reach at GATEWAY."""
        clear_left()
        ip("netns", "add", self.cloud)
        self._in(self.cloud, "link", "set", "lo", "up")
        self._in(self.cloud, "link", "add", "br0", "type", "bridge")
        self._in(self.cloud, "addr", "add", f"{GATEWAY}/{PREFIX}", "dev", "br0")
        self._in(self.cloud, "addr", "add", f"{METADATA}/32", "dev", "br0")
        self._in(self.cloud, "link", "set", "br0", "up")

    def open(self) -> None:
        """Let this machine reach the cloud at CLOUD_SIDE, and be reached at OUTSIDE."""
        outside = f"{self._name}-out"
        ip("link", "add", outside, "type", "veth", "peer", "name", "out", "netns", self.cloud)
        ip("addr", "add", f"{OUTSIDE}/30", "dev", outside)
        ip("link", "set", outside, "up")
        self._in(self.cloud, "addr", "add", f"{CLOUD_SIDE}/30", "dev", "out")
        self._in(self.cloud, "link", "set", "out", "up")

    def add(self, address: str) -> str:
        """A namespace that has this address, and the way to the cloud; its name."""
        name = f"{self._name}-{address}"
        port = f"p{address.split('.', 2)[2]}"
        ip("netns", "add", name)
        ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", port,
           "netns", self.cloud)  # fmt: skip
        self._in(self.cloud, "link", "set", port, "master", "br0", "up")
        self._in(name, "link", "set", "lo", "up")
        self._in(name, "addr", "add", f"{address}/{PREFIX}", "dev", "eth0")
        self._in(name, "link", "set", "eth0", "up")
        self._in(name, "route", "add", "default", "via", GATEWAY)
        self.hosts.add(name)
        return name

    def cut(self, address: str) -> None:
        """Take the host off the network; it goes on running, and nobody hears of it."""
        self._in(self.cloud, "link", "set", f"p{address.split('.', 2)[2]}", "down")

    def remove(self, name: str) -> None:
        ip("netns", "del", name, check=False)
        self.hosts.discard(name)

    def down(self) -> None:
        for name in [*self.hosts, self.cloud]:
            self.remove(name)
        ip("link", "del", f"{self._name}-out", check=False)

    def _in(self, namespace: str, *words: str) -> None:
        ip("-n", namespace, *words)


def clear_left() -> None:
    """What tests that were killed have left: two regions would share their addresses."""
    listed = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    for name in (line.split()[0] for line in listed.splitlines()):
        owner = re.match(r"g(\d+)-", name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True,
                                  check=False).stdout.split()  # fmt: skip
            subprocess.run(["kill", "-9", *pids], check=False, capture_output=True)
            ip("netns", "del", name, check=False)
            ip("link", "del", f"g{owner[1]}-out", check=False)
