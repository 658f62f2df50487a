"""Each of the 28 faults has a case, and each case has tests that are there and run."""

import ast
from functools import cache
from pathlib import Path

import pytest

from faults.cases import CASES, MIXED, Case, as_table
from faults.test_faults_mixed import RUNS

ROOT = Path(__file__).resolve().parents[2]


@cache
def found_in(file: str) -> set[str]:
    """The node ids of a file's tests, without parameters; none of those that are always skipped."""
    tree = ast.parse((ROOT / file).read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found = [(node.name, node) for node in tree.body if isinstance(node, ast.FunctionDef)]
    found += [
        (f"{one.name}::{node.name}", node)
        for one in classes
        for node in one.body
        if isinstance(node, ast.FunctionDef)
    ]
    skips = ("skip(", "skip'", "xfail")
    assert not any(word in ast.unparse(node) for node in tree.body for word in skips
                   if isinstance(node, ast.Assign | ast.Expr))  # fmt: skip
    return {
        f"{file}::{name}" for name, node in found
        if node.name.startswith("test_")
        and not any(word in ast.unparse(mark) for mark in node.decorator_list
                    for word in ("mark.skip", "mark.xfail"))
    }  # fmt: skip


def test_every_fault_has_its_case() -> None:
    assert [case.number for case in CASES] == list(range(1, 29))
    assert len({case.name for case in CASES}) == 28
    assert all(case.tests for case in CASES)
    assert as_table().count("passes: ") == 28


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_test_of_a_case_is_there(case: Case) -> None:
    for test in case.tests:
        name, _, parameter = test.partition("[")
        assert name in found_in(name.partition("::")[0]), test
        if parameter:
            assert (name, parameter.rstrip("]") in RUNS) == (MIXED, True)


def test_every_run_is_of_a_case() -> None:
    assert {f"{MIXED}[{name}]" for name in RUNS} <= {test for case in CASES for test in case.tests}
