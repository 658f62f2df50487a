"""The engine and the models import where there is nothing but torch."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "torch", "torchgen", "functorch", "gensweep", "gensweep_models", "sympy", "mpmath",
    "networkx", "jinja2", "markupsafe", "filelock", "fsspec", "typing_extensions",
}  # fmt: skip
"""Ours, torch, and what torch requires."""
ENGINE = ["game", "space", "files", "machine", "lanes", "metrics"]
MODULES = [f"gensweep.{name}" for name in ENGINE] + sorted(
    ".".join(f.relative_to(ROOT / "models").with_suffix("").parts).removesuffix(".__init__")
    for f in (ROOT / "models").rglob("*.py")
)
CODE = f"""
import importlib, sys
known = set(sys.modules) | sys.stdlib_module_names | {ALLOWED!r}
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in known:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Blocker())
sys.path[:0] = [{str(ROOT / "platform")!r}, {str(ROOT / "models")!r}]
for name in sys.argv[1:]:
    importlib.import_module(name)
"""


def run(*modules: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-c", CODE, *modules]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)


def test_engine_and_models_import_alone() -> None:
    done = run(*MODULES)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["ray", "boto3", "numpy", "safetensors"])
def test_the_blocker_blocks(name: str) -> None:
    assert "ModuleNotFoundError" in run(name).stderr
