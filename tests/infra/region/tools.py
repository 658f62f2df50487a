"""What tests of booted hosts have in common."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def check_tools() -> None:
    for tool, package in {"systemd-nspawn": "systemd-container", "curl": "curl"}.items():
        assert shutil.which(tool), f"no {tool} on PATH: install {package}"
    assert os.geteuid() == 0, "hosts have networks and file systems of their own: run as root"


def make_bundle(folder: Path) -> Path:
    """As `make bundle` does, of what is tested here, and without PyPI."""
    place = folder / "bundle"
    pip = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "-w", str(place), str(ROOT)], check=True)
    for name in ("constraints.txt", "infra/boot/requirements.txt"):
        shutil.copy(ROOT / name, place)
    shutil.copytree(ROOT / "sweeps", place / "sweeps")
    archive = folder / "gensweep-bundle.tar.gz"
    subprocess.run(["tar", "-czf", str(archive), "-C", str(place), "."], check=True)
    return archive
