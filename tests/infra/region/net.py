"""The network of a region: one namespace for the cloud, one for each host, and a bridge."""

import subprocess

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
    """Namespaces whose names start with `name`, at most eight characters."""

    def __init__(self, name: str) -> None:
        self.cloud, self._name = f"{name}-cloud", name
        self.hosts: set[str] = set()

    def up(self) -> None:
        ip("netns", "add", self.cloud)
        self._in(self.cloud, "link", "set", "lo", "up")
        self._in(self.cloud, "link", "add", "br0", "type", "bridge")
        self._in(self.cloud, "addr", "add", f"{GATEWAY}/{PREFIX}", "dev", "br0")
        self._in(self.cloud, "addr", "add", f"{METADATA}/32", "dev", "br0")
        self._in(self.cloud, "link", "set", "br0", "up")
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
