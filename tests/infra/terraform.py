"""Terraform on a copy of infra/, with the provider's plugin from this machine if it lies there."""

import json
import os
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import hcl2

ROOT = Path(__file__).parents[2]
MODULES = [".", *(f"modules/{p.name}" for p in sorted((ROOT / "infra/aws/modules").iterdir()))]
EXAMPLES = [f"examples/{p.name}" for p in sorted((ROOT / "infra/aws/examples").iterdir())]
TESTS = sorted((ROOT / "infra/aws/tests").glob("*.tftest.hcl"))
WHOLE = ROOT / "infra/aws/tests/cluster.tftest.hcl"
"""Terraform's own test of the root as a whole, whose plan the test of policies reads."""
FOREIGN = ("AWS_", "TF_", "GENSWEEP_")
MIRRORS = ("/opt", "/usr/share", "/usr/local/share", "/usr/lib", "/srv", "/var/lib")


def plugins() -> Path | None:
    """The folder that holds registry.terraform.io/, so that no download is needed."""
    if named := os.environ.get("GENSWEEP_TF_PLUGINS"):
        return Path(named)
    for depth in ("", "*/", "*/*/"):
        for root in MIRRORS:
            for found in Path(root).glob(f"{depth}registry.terraform.io"):
                return found.parent
    return None


@dataclass(frozen=True)
class Terraform:
    """Commands in one folder of the copy, in an environment of their own."""

    folder: Path
    env: dict[str, str]

    def run(self, *args: str, timeout: int = 280) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["terraform", f"-chdir={self.folder}", *args],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def ok(self, *args: str) -> str:
        """The output of a command that has to succeed."""
        done = self.run(*args)
        assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
        return done.stdout

    def json(self, *args: str) -> Any:
        return json.loads(self.ok(*args))

    def tests(self, files: Iterable[Path], *args: str) -> list[dict[str, Any]]:
        """Runs Terraform's own tests in `files` and returns what it said, a record a line."""
        chosen = [f"-filter=tests/{file.name}" for file in files]
        return list(map(json.loads, self.run("test", "-json", *args, *chosen).stdout.splitlines()))


def verdicts(said: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """How each run of Terraform's own tests ended, by file; diagnostics under `said`."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in said:
        if line["type"] == "test_run" and line["test_run"]["progress"] == "complete":
            ended = line["test_run"]
            found[Path(ended["path"]).name].append(f"{ended['run']}: {ended['status']}")
        elif line["type"] == "diagnostic":
            found["said"] += [line["diagnostic"]["summary"], line["diagnostic"]["detail"]]
    return found


@cache
def blocks(file: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Blocks of one kind, with their labels."""
    found = hcl2.loads(file.read_text()).get(kind, [])
    return [(name.strip('"'), body) for block in found for name, body in block.items()]


def copy(target: Path, **env: str) -> dict[str, str]:
    """Copies infra/ into `target`; returns the environment for Terraform there."""
    assert shutil.which("terraform"), "no terraform on PATH: install Terraform 1.11 or newer"
    leave = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "*.tfstate*")
    shutil.copytree(ROOT / "infra", target / "infra", ignore=leave)
    (target / "dist").mkdir()
    (target / "dist/gensweep-bundle.tar.gz").write_bytes(b"a bundle")
    mirror = plugins()
    source = f'filesystem_mirror {{ path = "{mirror}" }}' if mirror else "direct {}"
    (target / "terraform.rc").write_text(f"provider_installation {{ {source} }}\n")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
    own = {
        "TF_CLI_CONFIG_FILE": str(target / "terraform.rc"),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_ARGS": "-no-color",
        "CHECKPOINT_DISABLE": "1",
    }
    return kept | own | env
