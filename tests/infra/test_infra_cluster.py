"""From `terraform apply` to a sweep that loses a host: every host boots what Terraform rendered.

AWS is moto, and hosts are systemd containers with a network each (see region/). The tests of this
file go on from each other, as the life of a cluster does.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra import terraform
from infra.region.host import Host
from infra.region.region import Region
from infra.region.tools import check_tools, make_bundle
from waiting import until

BIN = Path(sys.executable).parent
DASHBOARD, MLFLOW = "http://127.0.0.1:8265", "http://127.0.0.1:5000"
RAY_LOGS = " ".join(f"/var/lib/gensweep/ray/session_latest/logs/{name}"
                    for name in ("monitor.log", "job-driver-*.log"))  # fmt: skip
PACK_SAYS = "cat /var/lib/gensweep/ray/session_latest/logs/worker-*.err"
EXPERIMENTS = f"{MLFLOW}/api/2.0/mlflow/experiments/search?max_results=9"
SWEEP = ["--trials", "10", "--budget-images", "102400", "--packs", "2", "--data", "ring8"]
pytestmark = [
    pytest.mark.slow("boots three hosts and runs a sweep that loses two of them", minutes=6),
    pytest.mark.stack,
]


@dataclass
class Cluster:
    """The cluster as its operator knows it: through EC2, and by ports forwarded by SSM."""

    region: Region
    terraform: terraform.Terraform
    made: dict[str, Any]
    token: Path
    said: str = ""
    """By the first sweep."""

    def instances(self, role: str) -> list[dict[str, Any]]:
        return [i for i in self.region.instances()
                if {"Key": "gensweep:role", "Value": role} in i["Tags"]]  # fmt: skip

    def host(self, role: str) -> Host:
        (instance,) = self.instances(role)
        return until(lambda: self.region.hosts.get(instance["InstanceId"]), 30)

    def client(self, role: str, *argv: str, **env: str) -> list[str]:
        """A command that sees the host's 127.0.0.1, as through a forwarded port."""
        return ["ip", "netns", "exec", self.host(role).namespace, "env",
                *(f"{k}={v}" for k, v in env.items()), *argv]  # fmt: skip

    def answers(self) -> bool:
        """Whether the head lets in who has the token."""
        bearer = f"Authorization: Bearer {self.token.read_text()}"
        return self.status("head", f"{DASHBOARD}/api/jobs/", "-H", bearer) == "200"

    def status(self, role: str, url: str, *options: str) -> str:
        argv = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *options, url]
        done = subprocess.run(
            self.client(role, *argv), capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout

    def ray(self, *words: str) -> list[str]:
        env = {"RAY_API_SERVER_ADDRESS": DASHBOARD, "RAY_AUTH_MODE": "token",
               "RAY_AUTH_TOKEN_PATH": str(self.token), "RAY_ADDRESS": ""}  # fmt: skip
        return self.client("head", str(BIN / "ray"), *words, **env)

    def why(self) -> str:
        """What the hosts say, for a test that fails."""
        told = [f"{self.region.failures[-3:]}"]
        for name, host in self.region.hosts.items():
            if host.alive():
                ray = host.run("sh", "-c", f"tail -qn 12 {RAY_LOGS}").stdout
                told.append(f"== {name}\n{host.journal('--unit=gensweep-*')[-1000:]}{ray[-2500:]}")
        return "\n".join(told)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    check_tools()
    folder = tmp_path_factory.mktemp("region")
    bundle = make_bundle(folder)
    region = Region(folder, f"g{os.getpid()}")
    try:
        region.up()
        root, made = apply(region, folder, bundle)
        yield Cluster(region, root, made, token(region, folder))
    finally:
        region.down()


def apply(region: Region, folder: Path, bundle: Path) -> tuple[terraform.Terraform, dict[str, Any]]:
    """Terraform's root, and what it made."""
    env = terraform.copy(folder / "terraform", AWS_ENDPOINT_URL=region.endpoint)
    root = terraform.Terraform(folder / "terraform/infra", env)
    shutil.copy(Path(__file__).parent / "region/aws.tf", root.folder / "region.tf")
    root.ok("init")
    (root.folder / "terraform.tfvars.json").write_text(json.dumps({"bundle": str(bundle)}))
    root.ok("apply", "-auto-approve")
    return root, root.json("output", "-json")["gensweep"]["value"]


def token(region: Region, folder: Path) -> Path:
    """The operator's copy of Ray's token."""
    file = folder / "token"
    file.touch(mode=0o600)
    file.write_text(secret(region, "boot/ray-token"))
    return file


def secret(region: Region, name: str) -> str:
    client = region.client("secretsmanager")
    (found,) = (s["ARN"] for s in client.list_secrets()["SecretList"]
                if s["Name"].rpartition("-")[0] == name)  # fmt: skip
    value: str = client.get_secret_value(SecretId=found)["SecretString"]
    return value


def test_head_and_tracking_server_come_up(cluster: Cluster) -> None:
    until(cluster.answers, 180, cluster.why)
    until(lambda: cluster.status("tracking", f"{MLFLOW}/health") == "200", 120, cluster.why)
    assert cluster.instances("worker") == []


def test_every_unit_of_a_host_is_active(cluster: Cluster) -> None:
    for role in ("head", "tracking"):
        until(partial(all_active, cluster.host(role)), 60, cluster.why)


UNITS = ("systemctl", "list-units", "gensweep-*", "--no-legend", "--plain")


def all_active(host: Host) -> bool:
    lines = host.run(*UNITS).stdout.splitlines()
    assert any(line.startswith("gensweep-prepare.service") for line in lines), lines
    return {line.split()[2] for line in lines} == {"active"}


def test_a_plan_changes_nothing_of_hosts_that_run(cluster: Cluster) -> None:
    """They have written their names and attached their volumes by themselves."""
    done = cluster.terraform.run("plan", "-detailed-exitcode")
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_ray_refuses_who_has_no_token_or_a_wrong_one(cluster: Cluster) -> None:
    jobs = f"{DASHBOARD}/api/jobs/"
    assert cluster.status("head", jobs) == "401"
    assert cluster.status("head", jobs, "-H", "Authorization: Bearer wrong") == "403"


def test_mlflow_refuses_who_has_no_password_or_a_wrong_one(cluster: Cluster) -> None:
    user = json.loads(secret(cluster.region, "boot/mlflow"))
    assert cluster.status("tracking", EXPERIMENTS) == "401"
    assert cluster.status("tracking", EXPERIMENTS, "-u", f"{user['username']}:wrong") == "401"
    known = f"{user['username']}:{user['password']}"
    assert cluster.status("tracking", EXPERIMENTS, "-u", known) == "200"


def test_secrets_are_files_of_the_services_user_alone(cluster: Cluster) -> None:
    listed = cluster.host("head").run(
        "find", "/run/gensweep", "-type", "f", "-printf", "%f %u %m\n"
    )
    files = sorted(listed.stdout.splitlines())
    assert files == ["auth_token gensweep 600", "mlflow_user.json gensweep 600"]
    everything = cluster.host("head").run("sh", "-c", "cat /proc/*/environ /proc/*/cmdline")
    assert cluster.token.read_text() not in everything.stdout


@pytest.fixture(scope="module")
def job(cluster: Cluster) -> Iterator["subprocess.Popen[str]"]:
    """The sweep, while its hosts come and go."""
    argv = cluster.ray("job", "submit", "--", "python", "sweeps/gan_stability.py", *SWEEP)
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        yield running
        running.kill()


def test_a_sweep_makes_an_empty_pool_grow(cluster: Cluster, job: "subprocess.Popen[str]") -> None:
    until(lambda: len(cluster.instances("worker")) == 2, 120, cluster.why)
    until(lambda: training(cluster) == 2, 180, cluster.why)


def training(cluster: Cluster) -> int:
    """Workers on which a pack has had trials."""
    hosts = [cluster.region.hosts.get(i["InstanceId"]) for i in cluster.instances("worker")]
    said = [host.run("sh", "-c", PACK_SAYS).stdout for host in hosts if host and host.alive()]
    return sum("a pack of" in each for each in said)


def test_it_outlives_a_host_that_is_cut_off_and_one_that_is_taken_away(
    cluster: Cluster, job: "subprocess.Popen[str]"
) -> None:
    first, second = cluster.instances("worker")
    cluster.region.network.cut(first["PrivateIpAddress"])
    cluster.region.notice(second, after_s=120)
    announce(cluster, second)
    lost = names([first, second])
    until(lambda: not lost & names(cluster.instances("worker")), 240, cluster.why)
    cluster.said, _ = job.communicate(timeout=600)
    assert job.returncode == 0, cluster.said[-3000:] + cluster.why()
    heard = f"{second['InstanceId']}: EC2 Spot Instance Interruption Warning"
    assert heard in cluster.host("head").journal("--unit=gensweep-drainer")
    trials = results(cluster)
    assert len(trials) == 10
    assert {trial["state"] for trial in trials} <= {"completed", "diverged", "collapsed"}
    assert {t["images"] for t in trials if t["state"] == "completed"} <= {102_400}
    # What the first took along counts as lost with a host, what had notice is not lost at all.
    assert {(t["host_losses"], t["pack_losses"]) for t in trials} == {(0, 0), (1, 0)}


def announce(cluster: Cluster, instance: dict[str, Any]) -> None:
    """What EventBridge brings to the head: Terraform's rule, its queue and the drainer."""
    detail = {"instance-id": instance["InstanceId"], "instance-action": "terminate"}
    entry = {"Source": "aws.ec2", "DetailType": "EC2 Spot Instance Interruption Warning",
             "Detail": json.dumps(detail)}  # fmt: skip
    assert cluster.region.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_its_trials_are_in_mlflow_and_its_checkpoints_in_s3(cluster: Cluster) -> None:
    found = asked(cluster, "experiments/search", {"max_results": 9})["experiments"]
    (experiment,) = (e["experiment_id"] for e in found if e["name"] == "gan-stability")
    runs = asked(cluster, "runs/search", {"experiment_ids": [experiment], "max_results": 99})
    assert {run["info"]["status"] for run in runs["runs"]} == {"FINISHED"}
    assert len(runs["runs"]) == 11  # the sweep itself, and its trials
    kept = cluster.region.client("s3").list_objects_v2(
        Bucket=cluster.made["buckets"]["artifacts"], Prefix="sweeps/"
    )
    assert any(sweep_of(cluster.said) in each["Key"] for each in kept["Contents"])


def asked(cluster: Cluster, path: str, body: dict[str, Any]) -> dict[str, Any]:
    """Of MLflow, by its administrator."""
    admin = json.loads(secret(cluster.region, "boot/mlflow-admin"))
    argv = ["curl", "-s", "-u", f"{admin['username']}:{admin['password']}", "-d", json.dumps(body),
            "-H", "Content-Type: application/json", f"{MLFLOW}/api/2.0/mlflow/{path}"]  # fmt: skip
    found: dict[str, Any] = json.loads(run(cluster.client("tracking", *argv)))
    return found


def results(cluster: Cluster) -> list[dict[str, Any]]:
    """As the head keeps them: `gensweep results NAME --json`, by the user whom jobs run as."""
    shown = cluster.host("head").run(
        "runuser", "-u", "gensweep", "--", "env", "GENSWEEP_HOME=/data/gensweep",
        "/opt/gensweep/venv/bin/gensweep", "results", sweep_of(cluster.said), "--json",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    found: list[dict[str, Any]] = json.loads(shown.stdout)["trials"]
    return found


def sweep_of(said: str) -> str:
    (name,) = set(re.findall(r"gan-stability-[0-9]+-[0-9]+-[0-9]+", said))
    return name


def names(instances: list[dict[str, Any]]) -> set[str]:
    return {i["InstanceId"] for i in instances}


def test_a_new_head_goes_on_with_what_the_old_one_kept(cluster: Cluster) -> None:
    (old,) = cluster.instances("head")
    cluster.region.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=old["InstanceId"], ShouldDecrementDesiredCapacity=False
    )
    until(lambda: names(cluster.instances("head")) - {old["InstanceId"]}, 60, cluster.why)
    until(cluster.answers, 240, cluster.why)
    assert "SUCCEEDED" in run(cluster.ray("job", "list"))
    assert "gensweep-ray: " in until(lambda: kept_log(cluster, old["InstanceId"]), 60)
    resume = ["--resume", sweep_of(cluster.said), *SWEEP, "--trials", "12"]
    argv = ["job", "submit", "--", "python", "sweeps/gan_stability.py", *resume]
    said = run(cluster.ray(*argv))
    assert len(results(cluster)) == 12, said[-3000:] + cluster.why()


def kept_log(cluster: Cluster, instance: str) -> str:
    """The journal of a head, as CloudWatch has it."""
    place = {"logGroupName": "/gensweep/boot/hosts", "logStreamName": f"head/{instance}"}
    found = cluster.region.client("logs").get_log_events(**place, limit=10_000)["events"]
    return "\n".join(event["message"] for event in found)


def test_idle_workers_are_ended(cluster: Cluster) -> None:
    until(lambda: cluster.instances("worker") == [], 180, cluster.why)


def run(argv: list[str]) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=600)
    return done.stdout if done.returncode == 0 else ""
