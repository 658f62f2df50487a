"""Hosts of one's own: root runs the rendered scripts on two plain hosts, and they are a cluster."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from infra import terraform
from infra.region.host import Host
from infra.region.image import Image
from infra.region.net import Network
from infra.region.tools import check_tools, make_bundle
from waiting import until

HEAD, WORKER = "10.77.0.10", "10.77.0.11"
TOKEN = "t" * 64
NODES = "import ray; ray.init(); print(sorted(n['NodeManagerAddress'] for n in ray.nodes()))"
VALUES = {
    "name": "lab",
    "head": HEAD,
    "workers": [WORKER],
    "tracking_uri": "http://192.0.2.9:5000",
    "store": "s3://bucket/sweeps",
}


@dataclass
class Lab:
    head: Host
    worker: Host
    folder: Path

    def submit(self, token: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """A job, from the head itself."""
        env = {"RAY_API_SERVER_ADDRESS": "http://127.0.0.1:8265", "RAY_AUTH_MODE": "token",
               "RAY_AUTH_TOKEN": token, "RAY_ADDRESS": ""}  # fmt: skip
        ray = [str(Path(sys.executable).parent / "ray"), "job", "submit", "--", *words]
        inside = ["ip", "netns", "exec", self.head.namespace]
        return subprocess.run([*inside, *ray], env=os.environ | env, capture_output=True,
                              text=True, check=False, timeout=600)  # fmt: skip


@pytest.fixture(scope="module")
def rendering(tmp_path_factory: pytest.TempPathFactory) -> terraform.Terraform:
    folder = tmp_path_factory.mktemp("onprem")
    made = terraform.Terraform(folder / "infra/onprem", terraform.copy(folder))
    made.ok("init")
    return made


def write(
    rendering: terraform.Terraform, bundle: Path, changes: Mapping[str, Any] = MappingProxyType({})
) -> None:
    values = VALUES | {"bundle": str(bundle)} | dict(changes)
    (rendering.folder / "terraform.tfvars.json").write_text(json.dumps(values))


@pytest.fixture(scope="module")
def lab(rendering: terraform.Terraform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    check_tools()
    folder = tmp_path_factory.mktemp("lab")
    network = Network(f"g{os.getpid()}")
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder)], check=True)
    image, hosts = Image(folder / "image"), list[Host]()
    try:
        bundle = make_bundle(folder)
        write(rendering, bundle)
        rendering.ok("apply", "-auto-approve")
        image.build()
        network.up()
        hosts += [Host(image, folder / a, network.add(a)) for a in (HEAD, WORKER)]
        yield Lab(*hosts, folder)
    finally:
        for host in hosts:
            host.kill()
        network.down()
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def start(lab: Lab, host: Host, script: str) -> None:
    """As the README says: the bundle in /opt, the token in /etc/gensweep, then the script."""
    shutil.copy(lab.folder / "gensweep-bundle.tar.gz", host.root / "opt")
    (host.root / "etc/gensweep").mkdir(exist_ok=True)
    (host.root / "etc/gensweep/auth_token").write_text(TOKEN)
    (host.root / "opt/start.sh").write_text(script)
    done = host.run("bash", "/opt/start.sh", timeout_s=600)
    said = (host.root / "var/log/gensweep-boot.log").read_text()
    assert done.returncode == 0, done.stdout + done.stderr + said


def test_the_example_of_variables_can_be_planned(rendering: terraform.Terraform) -> None:
    (rendering.folder / "terraform.tfvars.json").unlink(missing_ok=True)
    assert "192.0.2.12" in rendering.ok("plan", "-var-file=terraform.tfvars.example")


@pytest.mark.slow("boots two hosts", minutes=2)
@pytest.mark.stack
def test_two_hosts_become_a_cluster(lab: Lab, rendering: terraform.Terraform) -> None:
    start(lab, lab.head, rendering.ok("output", "-raw", "head"))
    start(lab, lab.worker, rendering.json("output", "-json", "workers")[WORKER])
    until(lambda: starts(lab.worker) == 1, 120, journals(lab))
    nodes = str(sorted([HEAD, WORKER]))
    assert nodes in lab.submit(TOKEN, "python", "-c", NODES).stdout, journals(lab)()
    refused = lab.submit("wrong" * 12, "python", "-c", NODES)
    assert refused.returncode != 0
    assert nodes not in refused.stdout


def starts(host: Host) -> int:
    """How often Ray has come up on it, which it says once it has joined its head."""
    return host.journal("--unit=gensweep-ray").count("Ray runtime started")


def journals(lab: Lab) -> Callable[[], str]:
    return lambda: "\n".join(h.journal("--unit=gensweep-*")[-3000:] for h in (lab.head, lab.worker))


@pytest.mark.slow("a booted host notices that its Ray is gone", minutes=2)
@pytest.mark.stack
def test_a_worker_that_has_lost_its_ray_starts_it_again(lab: Lab) -> None:
    def ray() -> str:
        return lab.worker.run("systemctl", "show", "gensweep-ray", "-P", "MainPID").stdout.strip()

    before = ray()
    lab.worker.run("systemctl", "kill", "--signal=KILL", "gensweep-ray")
    until(lambda: ray() not in (before, "0"), 60, journals(lab))
    until(lambda: starts(lab.worker) == 2, 120, journals(lab))
    # The node that died counts as alive until Ray's health checks have missed it.
    count = "import ray; ray.init(); print(sum(n['Alive'] for n in ray.nodes()), 'alive')"
    until(lambda: "2 alive" in lab.submit(TOKEN, "python", "-c", count).stdout, 60, journals(lab))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "X"}, "give 3 to 20 small letters"),
        ({"head": "127.0.0.1"}, "the IPv4 address of the head that workers reach"),
        ({"workers": ["here"]}, "give IPv4 addresses"),
        ({"workers": [HEAD]}, "each host has one part"),
        ({"bundle": "/nowhere"}, "is no file: run `make bundle`"),
        ({"bundle_on_hosts": "here"}, "an absolute path"),
        ({"tracking_uri": "http://me:secret@host"}, "without a password"),
        ({"store": "/folder"}, "give s3://BUCKET/PREFIX"),
        ({"settings": {"AWS_SECRET_ACCESS_KEY": "x"}}, "secrets do not belong into a script"),
    ],
)
def test_bad_input_is_refused(
    rendering: terraform.Terraform, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    bundle = tmp_path / "bundle"
    bundle.touch()
    write(rendering, bundle, change)
    done = rendering.run("plan")
    assert done.returncode != 0
    assert message in " ".join(done.stderr.replace("│", " ").split())
