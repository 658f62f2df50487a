"""The layout and the import arrows."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLATFORM = sorted((ROOT / "platform").rglob("*.py"))
MODELS = sorted((ROOT / "models").rglob("*.py"))


def imports(file: Path) -> set[str]:
    """Top-level names that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("root", ["platform", "models"])
def test_a_source_root_is_no_package(root: str) -> None:
    assert not (ROOT / root / "__init__.py").exists()


def test_no_package_is_called_platform() -> None:
    folders = [p for r in ("platform", "models", "tests") for p in (ROOT / r).rglob("platform")]
    assert not folders


def test_models_import_torch_and_the_standard_library_alone() -> None:
    allowed = set(sys.stdlib_module_names) | {"torch", "gensweep_models"}
    assert {str(f): imports(f) - allowed for f in MODELS if imports(f) - allowed} == {}


def test_the_platform_knows_no_model() -> None:
    assert [f for f in PLATFORM if "gensweep_models" in imports(f)] == []


ENGINE = (
    "errors.py", "files.py", "game.py", "game_capabilities.py", "known_metrics.py",
    "learning_curve.py", "machine.py", "metric.py", "precision.py", "sampling_fields.py",
    "space.py", "trial.py", "unpacking.py", "lanes", "metrics",
)  # fmt: skip


def test_the_engine_imports_torch_and_itself_alone() -> None:
    """And within a function, as test_imports shows, what a checkpoint and an assignment need."""
    base = ROOT / "platform" / "gensweep"
    files = [f for f in PLATFORM if f.relative_to(base).parts[0] in ENGINE]
    allowed = set(sys.stdlib_module_names) | {"torch", "gensweep", "safetensors", "scipy"}
    assert len(files) > 20
    assert {str(f): imports(f) - allowed for f in files if imports(f) - allowed} == {}


def test_the_engine_imports_no_other_part_of_the_platform() -> None:
    base = ROOT / "platform" / "gensweep"
    parts = "|".join(name.removesuffix(".py") for name in ENGINE)
    foreign = re.compile(rf"^\s*(?:from|import) gensweep\.(?!(?:{parts})\b).*", re.MULTILINE)
    files = [f for f in PLATFORM if f.relative_to(base).parts[0] in ENGINE]
    assert {str(f): found for f in files if (found := foreign.findall(f.read_text()))} == {}
