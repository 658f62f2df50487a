"""Docstrings begin with a verb or a noun phrase, which a reader understands on its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from house_code import MODELS, SOURCES

VAGUE = {
    "whether", "all", "who", "whose", "its", "their", "those", "these", "this", "that", "it",
    "they", "see", "as", "if", "when", "where", "which", "what", "how",
}  # fmt: skip
"""First words that refer to something else, or leave open what is done: 'Return whether ...'."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def public_definitions(node: ast.AST) -> Iterator[Definition]:
    """Yield the public functions, classes and methods of a module or a class."""
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, Definition) and not inner.name.startswith("_"):
            yield inner
            if isinstance(inner, ast.ClassDef):
                yield from public_definitions(inner)


FILES = [*sorted(SOURCES.rglob("*.py")), *sorted(MODELS.rglob("*.py"))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_docstrings_begin_with_what_a_thing_does_or_is(file: Path) -> None:
    vague = []
    for found in public_definitions(ast.parse(file.read_text())):
        words = (ast.get_docstring(found) or "").split()
        if words and words[0].strip("`,.:").lower() in VAGUE:
            vague.append(f"line {found.lineno}, {found.name}: {' '.join(words[:8])}")
    assert vague == []
