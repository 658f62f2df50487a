"""What CONTRIBUTING.md names is there, and its commands run."""

import os
import re
import shlex
import sys

import pytest

from conftest import ROOTS
from test_readme import ROOT, run

TEXT = (ROOT / "CONTRIBUTING.md").read_text()
COMMANDS = sorted({line.strip() for line in TEXT.splitlines() if line.startswith("    ")})
SCRIPTS = [shlex.split(c.split("&& ")[-1]) for c in COMMANDS if ".py" in c and "pytest" not in c]
PYTEST = [shlex.split(c) for c in COMMANDS if c.startswith("python -m pytest")]
MAKE = [shlex.split(c) for c in COMMANDS if c.startswith("make ")]
GENSWEEP = [shlex.split(c) for c in COMMANDS if c.startswith("gensweep ")]
ENV = os.environ | {"PYTHONPATH": os.pathsep.join(ROOTS)}
QUOTED = re.findall(r"`([^`\n]+)`", TEXT)


def test_no_command_is_left_out() -> None:
    kinds = ("python ", "make ", "gensweep ")
    assert [c for c in COMMANDS if not c.startswith(kinds)] == []
    assert len(SCRIPTS) + len(PYTEST) + len(MAKE) + len(GENSWEEP) >= len(COMMANDS)


@pytest.mark.parametrize("argv", MAKE, ids=" ".join)
def test_make_targets_exist(argv: list[str]) -> None:
    assert run("make", "--dry-run", *argv[1:]).returncode == 0


@pytest.mark.slow("pytest runs within pytest", minutes=0.3)
@pytest.mark.parametrize("argv", [a for a in PYTEST if ".py" in " ".join(a)], ids=" ".join)
def test_the_tests_of_one_file_run(argv: list[str]) -> None:
    done = run(sys.executable, *argv[1:], "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout[-2000:]
    assert " passed" in done.stdout


@pytest.mark.slow("collects tests, which imports them", minutes=0.1)
@pytest.mark.parametrize("argv", [a for a in PYTEST if ".py" not in " ".join(a)], ids=" ".join)
def test_selections_find_tests(argv: list[str]) -> None:
    """Among those of one folder, which are of every kind, for to collect all takes long."""
    options = ["--collect-only", "-q", "-p", "no:cacheprovider", "tests/storage"]
    done = run(sys.executable, *argv[1:], *options)
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("argv", SCRIPTS, ids=" ".join)
def test_scripts_know_their_options(argv: list[str]) -> None:
    done = run(sys.executable, *argv[1:], "--help", env=ENV)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("argv", GENSWEEP, ids=" ".join)
def test_commands_exist(argv: list[str]) -> None:
    code = "import sys; from gensweep.cli import main; sys.exit(main())"
    assert run(sys.executable, "-c", code, *argv[1:], "--help", env=ENV).returncode == 0


@pytest.mark.parametrize(
    "path", sorted({q for q in QUOTED if re.match(r"(infra|models|platform|tests)/", q)})
)
def test_paths_exist(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", sorted({q for q in QUOTED if re.fullmatch(r"_\w+\.py", q)}))
def test_files_that_are_named_without_a_folder_exist(name: str) -> None:
    assert list((ROOT / "platform").rglob(name))


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_links_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()
