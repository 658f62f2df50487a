"""Wheel and sdist hold what is needed and nothing that shadows the standard library, and work."""

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from distribution import ROOT, build, resolve
from gensweep.cli import main
from gensweep.versions import VERSION
from gensweep_models.measured import PAGES


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    return zipfile.ZipFile(build("wheel", tmp_path_factory.mktemp("wheel")))


def test_the_wheel_holds_both_packages(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    names = wheel.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"gensweep", "gensweep_models"}
    assert "gensweep/stack/_up.py" in names
    report = ROOT / "platform" / "gensweep" / "report"
    parts = [f for f in report.rglob("*") if f.suffix in {".jinja", ".css", ".js"}]
    assert {f.name for f in parts} > {"page.jinja", "style.css"}
    assert {str(f.relative_to(ROOT / "platform")) for f in parts} <= set(names)
    scripts = {f"gensweep/sweeps/{file.name}" for file in (ROOT / "sweeps").glob("*.py")}
    assert scripts <= set(names)
    assert {f"gensweep_models/tables/{page}" for page in PAGES} <= set(names)
    site = tmp_path / "site"
    wheel.extractall(site)
    code = (
        "import platform, gensweep, gensweep_models, sys\n"
        "from gensweep.cli import main\n"
        "assert platform.__file__.startswith(sys.base_prefix), platform.__file__\n"
        "assert gensweep.__file__.startswith(sys.argv[1]), gensweep.__file__\n"
        "sys.exit(main(['models']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(site)], cwd=tmp_path, capture_output=True, text=True,
        check=False, env=os.environ | {"PYTHONPATH": str(site)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {"gan", "vae", "realnvp", "ddpm", "vqvae"} <= set(done.stdout.split())


def test_the_version_is_told_in_one_place(
    wheel: zipfile.ZipFile, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    told = Parser().parsestr(wheel.read(path).decode())
    assert told["Version"] == VERSION
    assert f"\n## {VERSION}\n" in (ROOT / "CHANGELOG.md").read_text()
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"gensweep {VERSION}\n"
    images = [f.read_text() for f in [*(ROOT / "infra").rglob("*.yaml"), ROOT / "infra/README.md"]]
    assert {*re.findall(r"/gensweep:(\d[\w.]*)", "".join(images))} == {VERSION}


def test_the_stacks_packages_are_the_wheels_embedded_extra(wheel: zipfile.ZipFile) -> None:
    """Its requirements, and theirs, can all be had at once: they are what these tests run on."""
    assert resolve(f"{wheel.filename}[embedded]") == [f"gensweep-{VERSION}"]
    with pytest.raises(AssertionError, match="swift"):
        resolve("swift==2.0")


def test_the_sdist_has_every_file_and_builds_the_same_wheel(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """What is unpacked of it, far from the checkout, makes the same files to the last byte."""
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        sdist.extractall(tmp_path, filter="data")
    source = tmp_path / f"gensweep-{VERSION}"
    again = zipfile.ZipFile(build("wheel", tmp_path, source))
    assert {n: again.read(n) for n in again.namelist()} == {
        n: wheel.read(n) for n in wheel.namelist()
    }
    for name in ("LICENSE", "CHANGELOG.md", "constraints.txt", "tests/conftest.py",
                 "infra/README.md"):  # fmt: skip
        assert (source / name).read_bytes() == (ROOT / name).read_bytes()
    assert {file.name for file in source.iterdir()} & {".venv", ".git", ".gensweep"} == set()
