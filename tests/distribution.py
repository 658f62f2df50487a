"""Builds what is released, and puts the wheel where nothing of the checkout is."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def build(kind: str, folder: Path, source: Path = ROOT) -> Path:
    """The file that hatchling makes of the checkout, or of another source: `wheel` or `sdist`."""
    argv = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    done = subprocess.run(argv, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def resolve(requirement: str) -> list[str]:
    """What pip would install for it beside what is installed, at the versions that are tested.

    Fails if anything is missing, or of another version: no index is asked.
    """
    argv = [sys.executable, "-m", "pip", "install", "--dry-run", "--no-index",
            "--disable-pip-version-check", "-c", str(ROOT / "constraints.txt"),
            requirement]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].removeprefix("Would install ").split()


def install(wheel: Path, site: Path) -> dict[str, str]:
    """Let pip install a wheel beside the packages that it needs; the variables that find it."""
    argv = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index",
            "--disable-pip-version-check", "--target", str(site), str(wheel)]  # fmt: skip
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return own_variables() | {"PYTHONPATH": str(site)}


def make_environment(requirement: str, folder: Path) -> Path:
    """Make a virtual environment of what pip installs for it, as tested, and no more; its `bin`.

    From an index, whose files pip keeps: minutes.
    """
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    argv = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", "-c",
            str(ROOT / "constraints.txt"), requirement]  # fmt: skip
    done = subprocess.run(argv, env=own_variables(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def own_variables() -> dict[str, str]:
    """The environment variables that lead to no stack, and to no package elsewhere."""
    foreign = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
