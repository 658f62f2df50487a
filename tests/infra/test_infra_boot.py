"""The start-up scripts as rendered: what root is about to run is reviewed like code.

`GENSWEEP_RENDER=1 python -m pytest tests/infra/test_infra_boot.py` writes the renders anew.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra import terraform

RENDERED = Path(__file__).with_name("rendered")
ALL = {
    "AWS_REGION": "eu-central-1",
    "GENSWEEP_BUNDLE": "s3://lab-artifacts/bundle/gensweep-bundle.tar.gz",
    "GENSWEEP_BUNDLE_SHA256": "0" * 64,
    "GENSWEEP_CLUSTER": "lab",
    "GENSWEEP_HEAD": "head.lab.internal",
    "GENSWEEP_LOG_GROUP": "/gensweep/lab/hosts",
    "GENSWEEP_MLFLOW_SECRET": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:lab/mlflow",
    "GENSWEEP_STORE": "s3://lab-artifacts/sweeps",
    "MLFLOW_TRACKING_URI": "http://tracking.lab.internal:5000",
}
TOKEN = {
    "GENSWEEP_TOKEN_SECRET": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:lab/ray-token"
}
KEPT = {"GENSWEEP_VOLUME": "vol-0123456789abcdef0", "GENSWEEP_ZONE_ID": "Z123"}
HOSTS: dict[str, dict[str, Any]] = {
    "head": {
        "role": "head",
        "settings": ALL | TOKEN | KEPT | {"GENSWEEP_NAME": "head.lab.internal"},
        "files": {"/etc/gensweep/cluster.yaml": "cluster_name: lab\nmax_workers: 2\n"},
    },
    "worker": {"role": "worker", "settings": ALL | TOKEN | {"GENSWEEP_POOL": "g6-spot"}},
    "tracking": {
        "role": "tracking",
        "settings": ALL | KEPT | {"GENSWEEP_NAME": "tracking.lab.internal"},
    },
    "worker-of-ones-own": {
        "role": "worker",
        "when_ray_ends": "restart",
        "settings": {"GENSWEEP_CLOUD": "none", "GENSWEEP_CLUSTER": "lab", "GENSWEEP_POOL": "own"},
    },
}


@pytest.fixture(scope="module")
def boot(tmp_path_factory: pytest.TempPathFactory) -> terraform.Terraform:
    folder = tmp_path_factory.mktemp("boot")
    ready = terraform.Terraform(folder / "infra/boot", terraform.copy(folder))
    ready.ok("init")
    return ready


def render(boot: terraform.Terraform, variables: dict[str, Any]) -> str:
    (boot.folder / "terraform.tfvars.json").write_text(json.dumps(variables))
    boot.ok("apply", "-auto-approve")
    return boot.ok("output", "-raw", "script")


@pytest.mark.parametrize("name", HOSTS)
def test_renders_are_those_that_were_reviewed(boot: terraform.Terraform, name: str) -> None:
    script = render(boot, HOSTS[name])
    file = RENDERED / f"{name}.sh"
    if os.environ.get("GENSWEEP_RENDER"):
        file.write_text(script)
    assert script == file.read_text()


@pytest.mark.parametrize("name", HOSTS)
def test_bash_and_systemd_can_read_them(name: str, tmp_path: Path) -> None:
    script = (RENDERED / f"{name}.sh").read_text()
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for unit, text in units(script).items():
        (tmp_path / unit).write_text(text.replace("/opt/gensweep/venv/bin/python", "/bin/true"))
    known = [str(tmp_path / unit) for unit in units(script)]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *known],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "gensweep-" in line] == []


def units(script: str) -> dict[str, str]:
    found = {}
    for part in script.split("put /etc/systemd/system/")[1:]:
        head, _, rest = part.partition(" <<'END_OF_FILE'\n")
        found[head] = rest.partition("END_OF_FILE\n")[0]
    return found


@pytest.mark.parametrize("name", ["head", "worker", "tracking"])
def test_no_service_but_preparation_is_root(name: str) -> None:
    text = units((RENDERED / f"{name}.sh").read_text())
    running = {u for u, t in text.items() if "[Service]" in t and "User=gensweep" not in t}
    as_root = {"gensweep-prepare.service", "gensweep-logs.service"}
    if name == "tracking":
        as_root |= {"gensweep-secrets.service"}
    assert running == as_root


def test_a_worker_of_the_cloud_powers_off_and_one_of_ones_own_starts_again() -> None:
    own, cloud = (
        units((RENDERED / f"{name}.sh").read_text())["gensweep-ray.service"]
        for name in ("worker-of-ones-own", "worker")
    )
    assert "SuccessAction=poweroff" in cloud
    assert "Restart=no" in cloud
    assert "poweroff" not in own
    assert "Restart=always" in own


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"role": "queen"}, "role must be head, worker or tracking, but is queen"),
        ({"settings": {"a-b": "1"}}, "named like environment variables"),
        ({"settings": {"A": "it's"}}, "no single quote"),
        ({"files": {"etc/x": "text"}}, "absolute paths"),
        ({"files": {"/etc/x": "a\nEND_OF_FILE\nrm -rf /\n"}}, "the line END_OF_FILE"),
        ({"when_ray_ends": "dance"}, "poweroff or restart, but is dance"),
        ({"files": {"/etc/x": "x" * 20_000}}, "user-data holds 16384 bytes"),
    ],
)
def test_bad_input_is_refused(
    boot: terraform.Terraform, change: dict[str, Any], message: str
) -> None:
    (boot.folder / "terraform.tfvars.json").write_text(json.dumps(HOSTS["worker"] | change))
    done = boot.run("plan")
    assert done.returncode != 0
    assert message in " ".join(done.stderr.replace("│", " ").split())
