"""The machine image of a region: this machine's files and, in their place, Python packages."""

import re
import subprocess
import sys
from pathlib import Path

from infra.region.net import GATEWAY, METADATA

VENV, PYTHON = "opt/gensweep/venv", "opt/python"
START = """\
[Unit]
Description=Run the instance's user-data, as cloud-init does
After=basic.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/bash -c 'token=$(curl -sf -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" \
http://169.254.169.254/latest/api/token) && curl -sf -H "X-aws-ec2-metadata-token: $token" \
http://169.254.169.254/latest/user-data >/run/user-data && exec bash /run/user-data'
[Install]
WantedBy=basic.target
"""
"""No cloud-init: it would take over the network, which is ours."""


def mount(lower: list[Path], top: Path, at: Path) -> None:
    """Put `lower`, the first uppermost, under a writable layer."""
    for folder in (top / "upper", top / "work", at):
        folder.mkdir(parents=True, exist_ok=True)
    layers = ":".join(map(str, lower))
    options = f"lowerdir={layers},upperdir={top / 'upper'},workdir={top / 'work'}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(at)], check=True)


def unmount(at: Path) -> None:
    """At once; where something still uses it, as soon as it does not."""
    if subprocess.run(["umount", str(at)], check=False, capture_output=True).returncode:
        subprocess.run(["umount", "--lazy", str(at)], check=False, capture_output=True)


class Image:
    """Layers in `folder`: `files` on top of this machine, `venv/upper` on top of our venv.

    With the endpoint of an AWS, a host runs its user-data at boot.
    """

    def __init__(self, folder: Path, endpoint: str = "") -> None:
        self.folder, self._endpoint = folder, endpoint

    def build(self) -> None:
        self._write("etc/systemd/system.conf.d/variables.conf", self._environment())
        self._write("etc/resolv.conf", f"nameserver {METADATA}\n")
        self._write("etc/hosts", "127.0.0.1 localhost\n")
        if self._endpoint:
            self._write("etc/systemd/system/user-data.service", START)
            wants = self.folder / "files/etc/systemd/system/basic.target.wants"
            wants.mkdir(parents=True)
            (wants / "user-data.service").symlink_to("/etc/systemd/system/user-data.service")
        self._build_venv()

    def _build_venv(self) -> None:
        """Nothing of this checkout is left in the image: the bundle brings gensweep."""
        at = self.folder / "merged"
        mount([Path(sys.prefix)], self.folder / "venv", at)
        pip = [str(at / "bin" / "python"), "-m", "pip"]
        subprocess.run([*pip, "uninstall", "-q", "-y", "gensweep"], check=True)
        for script in (at / "bin").iterdir():
            if script.is_file() and not script.is_symlink() and script.stat().st_size < 10_000:
                moved = re.sub(rf"#!{sys.prefix}", f"#!/{VENV}", script.read_text())
                script.write_text(moved)
        self._move_python(at)
        unmount(at)

    def mount(self, top: Path, at: Path) -> None:
        """A host's own root file system at `at`."""
        mount([self.folder / "files", Path("/")], top / "root", at)
        mount([self.folder / "venv/upper", Path(sys.prefix)], top / "venv", at / VENV)
        (at / PYTHON).mkdir()
        subprocess.run(["mount", "--bind", sys.base_prefix, str(at / PYTHON)], check=True)

    def _move_python(self, venv: Path) -> None:
        """Python itself may lie in a home folder, into which services do not see."""
        own = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        for link in ("python", "python3", own.name):
            (venv / "bin" / link).unlink(missing_ok=True)
            (venv / "bin" / link).symlink_to(f"/{PYTHON}/bin/{own.name}")
        config = venv / "pyvenv.cfg"
        config.write_text(config.read_text().replace(sys.base_prefix, f"/{PYTHON}"))

    def _environment(self) -> str:
        values = {"LD_LIBRARY_PATH": f"/{PYTHON}/lib"}
        if self._endpoint:
            values["AWS_ENDPOINT_URL"] = self._endpoint
        return f"[Manager]\nDefaultEnvironment={' '.join(f'{k}={v}' for k, v in values.items())}\n"

    def _write(self, path: str, text: str) -> None:
        file = self.folder / "files" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


ENDPOINT = f"http://{GATEWAY}:5000"
