"""Builds what is released, and puts the wheel where nothing of the checkout is."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build(kind: str, folder: Path) -> Path:
    """The file that hatchling makes of the checkout: `wheel` or `sdist`."""
    argv = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def install(wheel: Path, site: Path) -> dict[str, str]:
    """Let pip install a wheel beside the packages that it needs; the environment that finds it."""
    argv = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
            "--disable-pip-version-check", "--target", str(site), str(wheel)]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    foreign = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return own | {"PYTHONPATH": str(site)}
