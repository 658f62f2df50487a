"""A policy scanner finds nothing in infra/ that is not explained where it is."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("terraform", "kubernetes", "dockerfile", "secrets")

pytestmark = [
    pytest.mark.slow("a policy scanner loads its rules and reads infra/", minutes=0.8),
]


def scanner() -> str:
    named = os.environ.get("GENSWEEP_CHECKOV")
    own = ROOT / ".venv-checkov/bin/checkov"
    found = named or (str(own) if own.exists() else shutil.which("checkov"))
    assert found, "no checkov: `make checkov` installs it into .venv-checkov"
    return found


@pytest.fixture(scope="module")
def reports() -> list[dict[str, Any]]:
    argv = [scanner(), "-d", "infra", "--skip-download", "-o", "json"]
    for framework in FRAMEWORKS:
        argv += ["--framework", framework]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert done.stdout.startswith(("{", "[")), (done.stdout + done.stderr)[-3000:]
    found = json.loads(done.stdout)
    return found if isinstance(found, list) else [found]


def test_nothing_fails(reports: list[dict[str, Any]]) -> None:
    failed = [
        f"{check['check_id']} {check['resource']} {check['file_path']}"
        for report in reports
        for check in report["results"]["failed_checks"]
    ]
    assert failed == []
    assert not any(report["summary"]["parsing_errors"] for report in reports)


def test_much_is_looked_at(reports: list[dict[str, Any]]) -> None:
    passed = {report["check_type"]: report["summary"]["passed"] for report in reports}
    assert passed["terraform"] > 200
    assert passed["dockerfile"] > 10
    assert passed["kubernetes"] > 0  # it does not know what Ray's own kinds hold


def test_each_exception_has_its_reason(reports: list[dict[str, Any]]) -> None:
    skipped = [check for report in reports for check in report["results"]["skipped_checks"]]
    reasons = {check["check_id"]: check["check_result"]["suppress_comment"] for check in skipped}
    assert all(len(reason) > 20 for reason in reasons.values()), reasons


def test_there_is_no_global_exception() -> None:
    assert not [f for name in (".checkov.yml", ".checkov.yaml") for f in ROOT.rglob(name)]
