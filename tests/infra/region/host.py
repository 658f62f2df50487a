"""A host: a container that boots systemd on a file system and a network of its own."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from infra.region.image import PYTHON, VENV, Image, unmount

BOOT_S, STOP_S = 240, 150


class Host:
    """Boots at once; `top` gets its file system and its console."""

    def __init__(
        self, image: Image, top: Path, namespace: str, binds: Sequence[tuple[Path, str]] = ()
    ) -> None:
        self.root, self.namespace = top / "rootfs", namespace
        image.mount(top, self.root)
        argv = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"]
        argv += [f"--directory={self.root}", f"--machine={top.name}", "--resolv-conf=off"]
        argv += [f"--network-namespace-path=/run/netns/{namespace}", "--timezone=off"]
        argv += [f"--bind={source}:{target}" for source, target in binds]
        argv += ["--link-journal=no", "systemd.unit=basic.target", "systemd.log_level=warning"]
        self.console, self._ending = top / "console", False
        with self.console.open("wb") as console:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=console, stderr=console
            )

    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, *argv: str, timeout_s: float = 240) -> "subprocess.CompletedProcess[str]":
        """In the host, as root."""
        enter = ["nsenter", f"--target={self._leader()}", "--all", "--wdns=/", "--",
                 "env", f"LD_LIBRARY_PATH=/{PYTHON}/lib"]  # fmt: skip
        return subprocess.run(
            [*enter, *argv], capture_output=True, text=True, check=False, timeout=timeout_s
        )

    def journal(self, *words: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", *words).stdout

    def power_off(self) -> None:
        """In good order, as an instance that is terminated; it takes a while."""
        if not self._ending:
            self._ending = True
            threading.Thread(target=self._power_off).start()

    def _power_off(self) -> None:
        with suppress(psutil.NoSuchProcess, ProcessLookupError):
            os.kill(self._leader(), signal.SIGRTMIN + 4)  # systemd's word for it
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
        self._clean()

    def kill(self) -> None:
        """At once: the power is gone."""
        with suppress(psutil.NoSuchProcess):
            for process in psutil.Process(self._process.pid).children(recursive=True):
                process.kill()
        self._process.kill()
        self._process.wait()
        self._clean()

    def _leader(self) -> int:
        end = time.monotonic() + BOOT_S
        while time.monotonic() < end:
            for child in psutil.Process(self._process.pid).children(recursive=True):
                if child.name() == "systemd":
                    return child.pid
            time.sleep(0.2)
        raise TimeoutError(f"{self.namespace} did not boot: {self.console.read_text()[-2000:]}")

    def _clean(self) -> None:
        for place in (VENV, PYTHON, ""):
            unmount(self.root / place)
