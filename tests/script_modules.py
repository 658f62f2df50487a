"""Scripts of `sweeps` as modules, and the processes that those of several sweeps start."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

SWEEPS = Path(__file__).resolve().parents[1] / "sweeps"


def load_script(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Import a script, which runs nothing."""
    spec = importlib.util.spec_from_file_location(name, SWEEPS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    return module


def started(script: ModuleType, monkeypatch: pytest.MonkeyPatch, code: int) -> list[list[str]]:
    """Collect the arguments of the script's processes, which end at once with `code`."""
    found: list[list[str]] = []

    def run(command: list[str], check: bool) -> SimpleNamespace:
        found.append(command[2:])
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr(script.subprocess, "run", run)
    return found
