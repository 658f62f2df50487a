"""Which package may import which: one table, and what each entry point loads.

An arrow is any import of the code, within functions and for type checkers too.
"""

import ast
import importlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from house_code import MODULES, ROOT, SOURCES, imports, module_name, modules_of

PACKAGES = sorted(p.parent.name for p in SOURCES.glob("*/__init__.py"))

FORBIDDEN = {
    "worker": {"study", "coordinator", "planning", "driver", "tracking", "report", "cli"},
    "coordinator": {"planning", "worker", "driver", "lanes", "profiling", "report", "cli"},
    "evaluation": {"planning", "report", "study", "driver", "coordinator", "worker", "tracking"},
    "profiling": {"study", "planning", "driver", "coordinator", "worker"},
    "spec": {"study", "planning", "report", "driver", "coordinator", "worker", "profiling"},
    "planning": {"driver", "coordinator", "worker", "report"},
    "report": {"study", "driver", "coordinator", "worker", "planning", "tracking"},
    "tracking": {"study", "driver", "coordinator", "worker", "planning", "report"},
    "results": {"driver", "coordinator", "worker", "planning", "tracking", "evaluation", "stack"},
    "study": {"driver", "coordinator", "worker", "planning", "report", "tracking", "evaluation"},
    "storage": {"driver", "coordinator", "worker", "planning", "report", "tracking", "study"},
    "data": {"driver", "coordinator", "worker", "planning", "report", "tracking", "study"},
    "lanes": {"storage", "data", "tracking", "study", "report", "spec", "evaluation", "profiling"},
    "metrics": {"storage", "data", "tracking", "study", "report", "spec", "lanes", "evaluation"},
    "stack": {"driver", "coordinator", "worker", "planning", "study", "evaluation"},
    "cluster": {"driver", "coordinator", "worker", "planning", "study", "evaluation"},
    "testing": {"driver", "coordinator", "worker", "planning", "study", "evaluation", "report",
                "storage", "data", "tracking", "spec", "profiling", "metrics"},
}  # fmt: skip
"""Package to those that it never imports."""

FACE = "sweep"
"""The public face, which only the command line, scripts and tests import."""

LOADS = {
    "gensweep.worker": {"optuna", "mlflow", "gensweep.report", "gensweep.study", "gensweep.driver",
                        "gensweep.planning", "gensweep.coordinator", "gensweep.tracking"},
    "gensweep.evaluation": {"optuna", "mlflow", "ray", "gensweep.report", "gensweep.study"},
    "gensweep.spec": {"optuna", "mlflow", "ray", "torch", "gensweep.study", "gensweep.lanes"},
    "gensweep.coordinator": {"mlflow", "torch", "gensweep.worker", "gensweep.lanes",
                             "gensweep.planning", "gensweep.driver", "gensweep.evaluation"},
    "gensweep.results": {"mlflow", "ray", "torch", "gensweep.stack", "gensweep.tracking",
                         "gensweep.driver", "gensweep.planning"},
    "gensweep.sweep": {"optuna", "mlflow", "ray", "torch", "gensweep.driver", "gensweep.spec"},
    "gensweep.lanes": {"optuna", "mlflow", "ray", "gensweep.spec"},
    "gensweep.testing": {"optuna", "mlflow", "ray", "gensweep.spec", "gensweep.evaluation"},
}  # fmt: skip
"""Entry point to what importing it must not load."""

TAKES_SWEEP = "from gensweep.sweep import Sweep"
BEGIN = """
import json, os, sys, threading
hook, before, env = sys.excepthook, set(sys.modules), dict(os.environ)
"""
END = """
print(json.dumps({
    "modules": sorted(set(sys.modules) - before),
    "hook": sys.excepthook is not hook,
    "environment": dict(os.environ) != env,
    "threads": threading.active_count(),
}))
"""


def arrows() -> dict[str, dict[str, list[str]]]:
    """From each part of the platform to each other, the files that import it."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for file in sorted(SOURCES.rglob("*.py")):
        inside = file.relative_to(SOURCES)
        part = inside.parts[0].removesuffix(".py")
        for to in imports(file, part):
            found[part][to].append(str(inside))
    return found


ARROWS = arrows()
FILES = {module: set(modules_of(file)) - {module} for module, file in MODULES.items()}
"""Module to the modules of the platform that it imports."""


@pytest.mark.parametrize("package", sorted(FORBIDDEN))
def test_no_forbidden_arrow(package: str) -> None:
    assert package in PACKAGES
    assert {to: ARROWS[package][to] for to in FORBIDDEN[package] & ARROWS[package].keys()} == {}


def test_every_package_has_its_row() -> None:
    """But for those on top, which may import all."""
    assert set(PACKAGES) - set(FORBIDDEN) == {"cli", "driver"}


def test_only_the_command_line_imports_the_public_face() -> None:
    assert {part: to[FACE] for part, to in ARROWS.items() if FACE in to and part != "cli"} == {}


def test_ground_files_import_no_package() -> None:
    """What everybody may use stands on nothing but other such files."""
    ground = {f.stem for f in SOURCES.glob("*.py")} - {FACE, "__init__"}
    assert {
        g: set(ARROWS[g]) & set(PACKAGES) for g in ground if set(ARROWS[g]) & set(PACKAGES)
    } == {}


def folder(module: str) -> Path:
    return MODULES[module].parent


def test_nobody_imports_a_private_module_of_another_package() -> None:
    """A folder within a package, such as the journal's, is a package of its own."""
    assert [
        f"{module} imports {to}"
        for module, found in FILES.items()
        for to in sorted(found)
        if to.rpartition(".")[2].startswith("_") and folder(to) != folder(module)
    ] == []


def reaches(file: Path) -> Iterator[str]:
    """Yield the imports of a file from a private module of what its package exports."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in MODULES:
            package, _, last = node.module.rpartition(".")
            if last.startswith("_"):
                public = getattr(importlib.import_module(package), "__all__", ())
                yield from (f"{package}.{a.name}" for a in node.names if a.name in public)


def test_no_test_takes_a_public_name_from_a_private_module() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert {str(file): names for file in tests if (names := list(reaches(file)))} == {}


GRAPHS = {
    "packages": {part: sorted(to) for part, to in ARROWS.items()},
    "files": {module: sorted(found) for module, found in FILES.items()},
}


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS)
def test_none_imports_another_in_a_circle(graph: dict[str, list[str]]) -> None:
    done: set[str] = set()

    def walk(part: str, path: tuple[str, ...]) -> None:
        assert part not in path, " -> ".join([*path[path.index(part) :], part])
        if part not in done:
            for to in graph.get(part, []):
                walk(to, (*path, part))
            done.add(part)

    for part in graph:
        walk(part, ())


def measure(script: str, *paths: Path) -> dict[str, object]:
    """What the lines of a script do, in a process of its own; `paths` hold modules of its own."""
    folders = (ROOT / "platform", ROOT / "models", *paths)
    env = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    done = subprocess.run(
        [sys.executable, "-c", f"{BEGIN}{script}{END}"],
        env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("entry", LOADS)
def test_an_entry_point_loads_only_what_it_needs(entry: str) -> None:
    found = measure(f"import {entry}")
    modules = set(found["modules"])  # type: ignore[call-overload]
    ours = [name for name in modules if name.startswith("gensweep")]
    print(f"{entry}: {len(modules)} modules, {len(ours)} of ours")
    assert entry in modules
    assert LOADS[entry] & modules == set()


def test_models_load_torch_and_the_standard_library_alone() -> None:
    """Beyond what `import torch` loads by itself."""
    found = measure("import torch; before = set(sys.modules); import gensweep_models.catalog")
    added = {name.partition(".")[0] for name in found["modules"]}  # type: ignore[attr-defined]
    assert "gensweep_models" in added
    assert added - sys.stdlib_module_names - {"torch"} == {"gensweep_models"}


def test_importing_the_public_face_does_nothing() -> None:
    found = measure("import gensweep.sweep")
    assert (found["hook"], found["environment"], found["threads"]) == (False, False, 1)
    ours = [name for name in found["modules"] if name.startswith("gensweep")]  # type: ignore[attr-defined]
    assert ours == ["gensweep", "gensweep.sweep"]


def test_a_module_that_takes_a_sweep_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a_module.py").write_text(f"{TAKES_SWEEP}\n")
    found = measure("import a_module", tmp_path)
    assert (found["hook"], found["environment"], found["threads"]) == (False, False, 1)
    assert "gensweep.spec" in found["modules"]  # type: ignore[operator]
    frameworks = {"optuna", "mlflow", "ray", "gensweep.driver"}
    assert frameworks & set(found["modules"]) == set()  # type: ignore[call-overload]


def test_a_script_that_takes_a_sweep_gets_the_hook_for_its_mistakes() -> None:
    """And nothing else changes."""
    found = measure(TAKES_SWEEP)
    assert (found["hook"], found["environment"], found["threads"]) == (True, False, 1)


@pytest.mark.parametrize("file", ["sweep.py", "cluster/__init__.py"])
def test_lazy_names_are_the_same_for_type_checkers(file: str) -> None:
    """What is imported on demand, and what a type checker reads in its place."""
    code = ast.parse((SOURCES / file).read_text())
    module = module_name(SOURCES / file)
    lazy = importlib.import_module(module)
    base = module if file.endswith("__init__.py") else "gensweep"
    told = {
        alias.asname: one.module
        for block in code.body
        if isinstance(block, ast.If)
        for one in block.body
        if isinstance(one, ast.ImportFrom)
        for alias in one.names
    }
    assert told == {name: f"{base}.{home}" for name, home in lazy._HOMES.items()}
    assert all(getattr(lazy, name).__name__ == name for name in lazy.__all__)
