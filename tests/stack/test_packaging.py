"""The wheel holds both packages and nothing that shadows the standard library, and works."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_wheel_holds_both_packages(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info/" not in name}
    assert tops == {"gensweep", "gensweep_models"}
    assert "gensweep/stack/_up.py" in names
    report = ROOT / "platform" / "gensweep" / "report"
    parts = [f for folder in ("templates", "static") for f in (report / folder).iterdir()]
    assert {f.name for f in parts} > {"page.jinja", "style.css"}
    assert {str(f.relative_to(ROOT / "platform")) for f in parts} <= set(names)
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
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
