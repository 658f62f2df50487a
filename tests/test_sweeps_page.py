"""What the page of `sweeps/` names is there: scripts with their questions, options, links."""

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gensweep.cli import _sample

SWEEPS = Path(__file__).resolve().parents[1] / "sweeps"
TEXT = (SWEEPS / "README.md").read_text()
OPTION = r"--[a-z][a-z-]+"


def question(script: Path) -> str:
    """The first line of a script's docstring, up to its question mark."""
    said = ast.get_docstring(ast.parse(script.read_text())) or ""
    return said.splitlines()[0].partition("?")[0]


def test_every_script_is_listed_with_its_question() -> None:
    rows = dict(re.findall(r"^\| \[(\w+\.py)\]\(\1\) \| ([^?]+)\?", TEXT, re.MULTILINE))
    assert rows == {script.name: question(script) for script in SWEEPS.glob("*.py")}


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_links_lead_somewhere(target: str) -> None:
    assert (SWEEPS / target).exists()


def test_options_that_are_named_exist() -> None:
    """Of every script, of `gensweep sample`, or of the one script that has more."""
    subparsers = argparse.ArgumentParser().add_subparsers()
    _sample.add_parser(subparsers)
    argv = [sys.executable, str(SWEEPS / "gan_stability.py"), "--help"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    more = re.findall(r'add_argument\("(--[a-z-]+)"', (SWEEPS / "lucic.py").read_text())
    known = {*re.findall(OPTION, done.stdout + subparsers.choices["sample"].format_help()), *more}
    assert set(re.findall(OPTION, TEXT)) - known == set()
