"""Hosts install the packages that were locked, by their hashes, and nothing else of a network."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BOOT = ROOT / "infra/boot"
PINNED = re.compile(r"^([\w.-]+)(?:\[[\w,]+\])?==([^ ;\\\n]+)", re.MULTILINE)
RENDERED = ROOT / "tests/infra/rendered"
INSTALLERS = [*sorted(RENDERED.glob("*.sh")), ROOT / "infra/kuberay/Dockerfile"]
CURE = "run `make lock` and commit infra/boot/*.txt"


def normal(name: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(file: Path) -> dict[str, str]:
    return {normal(name): version for name, version in PINNED.findall(file.read_text())}


@pytest.mark.parametrize("name", ["requirements.txt", "boto3.txt"])
def test_every_package_has_hashes_and_the_version_that_is_tested(name: str) -> None:
    locked, tested = pinned(BOOT / name), pinned(ROOT / "constraints.txt")
    wrong = {one: (version, tested[one]) for one, version in locked.items()
             if tested.get(one, version) != version}  # fmt: skip
    assert wrong == {}, CURE
    blocks = re.split(r"\n(?=[a-z])", (BOOT / name).read_text().partition("\n")[2])
    assert len(blocks) == len(locked)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}$", block.strip()) for block in blocks)


def test_all_that_a_host_needs_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = project["dependencies"] + project["optional-dependencies"]["cluster"]
    names = {normal(re.split(r"[\[<>=!; ]", one)[0]) for one in needed}
    assert names - set(pinned(BOOT / "requirements.txt")) == set(), CURE
    assert set(pinned(BOOT / "boto3.txt")) <= set(pinned(BOOT / "requirements.txt")), CURE


@pytest.mark.parametrize("file", INSTALLERS, ids=lambda file: file.name)
def test_nothing_is_installed_without_a_hash(file: Path) -> None:
    installs = re.findall(r"pip\"? install .*", file.read_text())
    assert len(installs) >= 2
    safe = ("--require-hashes", "--no-index", "--no-deps")
    assert [one for one in installs if not any(word in one for word in safe)] == []
