"""Read the platform's packages from the code: their processes, sizes, summaries and imports."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "platform" / "gensweep"
MODELS = ROOT / "models" / "gensweep_models"
GROUND = "ground files"

SHARED = "every process"
PROCESSES = {
    "processes of its own": ("own", "Own processes"),
    "the coordinator's actor": ("actor", "The coordinator's actor"),
    "the script's process": ("script", "The script's process"),
    "a pack's workers": ("pack", "A pack's workers"),
    SHARED: ("shared", "Every process"),
}
"""How a docstring names a process, to its style in the picture and its heading there."""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package of the platform, or its public face, as the code describes it."""

    name: str
    process: str
    summary: str
    lines: int
    imports: frozenset[str]
    """Names of the packages and ground files that it imports, wherever in its files."""


def imports(file: Path, name: str) -> Iterator[str]:
    """Yield the packages and ground files of the platform, other than `name`, in a file."""
    for node in ast.walk(ast.parse(file.read_text())):
        found: list[str] = []
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "gensweep":
            found = [f"gensweep.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found = [node.module]
        for module in found:
            first, _, rest = module.partition(".")
            part = rest.partition(".")[0]
            if first == "gensweep" and part and part != name:
                yield part


def module_name(file: Path) -> str:
    parts = file.relative_to(SOURCES.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


MODULES = {module_name(file): file for file in sorted(SOURCES.rglob("*.py"))}
"""Every module of the platform by its full name."""


def modules_of(file: Path) -> Iterator[str]:
    """Yield the modules of the platform that a file imports, for type checkers too."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else node.module


def count_lines(files: list[Path]) -> int:
    return sum(len(file.read_text().splitlines()) for file in files)


def read_package(path: Path) -> Package:
    """Read a folder or a file of the platform; the process is empty where no line names it."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    front = path / "__init__.py" if path.is_dir() else path
    text = ast.get_docstring(ast.parse(front.read_text())) or ""
    told = re.search(r"^Runs in: (.*)", text, re.MULTILINE)
    known = [name for name in PROCESSES if told and told[1].startswith(name)]
    return Package(
        name=path.stem,
        process=known[0] if known else "",
        summary=" ".join(re.split(r"\n\n|(?<=\.)\s", text)[0].split()),
        lines=count_lines(files),
        imports=frozenset(part for file in files for part in imports(file, path.stem)),
    )


def read_house() -> dict[str, Package]:
    """Read every package and every ground file, by name."""
    paths = [p for p in sorted(SOURCES.iterdir()) if (p / "__init__.py").exists()]
    paths += [p for p in sorted(SOURCES.glob("*.py")) if p.stem != "__init__"]
    return {path.stem: read_package(path) for path in paths}


def boxes(house: Mapping[str, Package]) -> dict[str, Package]:
    """Select what has a box: what says in which process it runs."""
    return {name: package for name, package in house.items() if package.process}


def arrows(house: Mapping[str, Package]) -> set[tuple[str, str]]:
    """List the imports between boxes."""
    shown = boxes(house)
    return {(a, b) for a, package in shown.items() for b in package.imports & set(shown)}


def reachable(start: str, edges: set[tuple[str, str]]) -> set[str]:
    """Follow the arrows from a package, one or more."""
    found: set[str] = set()
    ahead = {b for a, b in edges if a == start}
    while ahead:
        found |= ahead
        ahead = {b for a, b in edges if a in ahead} - found
    return found


def drawn(house: Mapping[str, Package]) -> set[tuple[str, str]]:
    """Select the arrows to draw, so that the picture stays readable.

    Left out are those that follow from others between the same two processes, and those to what
    every process uses, which the boxes name instead.
    """
    process = {name: package.process for name, package in house.items()}
    edges = {(a, b) for a, b in arrows(house) if process[b] != SHARED or process[a] == SHARED}
    kept = set()
    for a, b in edges:
        near = {e for e in edges if {process[n] for n in e} <= {process[a], process[b]}}
        if b not in reachable(a, near - {(a, b)}):
            kept.add((a, b))
    return kept


def lines_of(house: Mapping[str, Package]) -> dict[str, int]:
    """Count the lines of every box, of the ground files together, and of the models."""
    ground = sum(package.lines for package in house.values() if not package.process)
    models = count_lines(sorted(MODELS.rglob("*.py")))
    shown = {name: package.lines for name, package in boxes(house).items()}
    return shown | {GROUND: ground, MODELS.name: models}
