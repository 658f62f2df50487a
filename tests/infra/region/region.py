"""A region: AWS by moto, a network, and a machine for each instance that AWS says is running."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from infra import aws
from infra.region.host import Host
from infra.region.image import ENDPOINT, Image
from infra.region.net import CLOUD_SIDE, Network

REGION = "eu-central-1"
MOTO = Path(__file__).parents[1] / "moto_server.py"


class Region:
    """`up` starts AWS; from then on instances boot and end as EC2 says."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.network = folder, Network(name)
        self.endpoint = f"http://{CLOUD_SIDE}:5000"
        self.image = Image(folder / "image", ENDPOINT)
        self.hosts: dict[str, Host] = {}
        """By instance id; those that ended stay, for their consoles."""
        self.failures: list[str] = []
        self._told = folder / "metadata"
        self._taken: dict[str, float] = {}
        """Instance to when EC2 takes it away."""
        self._loops: dict[str, str] = {}
        self._services: list[subprocess.Popen[bytes]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    def client(self, service: str) -> Any:
        return aws.client(service, self.endpoint)

    def up(self) -> None:
        self._told.mkdir(parents=True)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(self._memory())], check=True)
        self.image = Image(self._memory() / "image", ENDPOINT)
        self.image.build()
        self.network.up()
        self.network.open()
        self._serve("moto", [str(MOTO), "-H", "0.0.0.0", "-p", "5000"])
        self._wait_for_aws()
        own = [str(Path(__file__).with_name("services.py")), str(self._told), ENDPOINT]
        self._serve("services", own)
        self._thread.start()

    def down(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(30)
        for host in self.hosts.values():
            if host.alive():
                host.kill()
        for process in self._services:
            process.terminate()
            process.wait(20)
        for loop in self._loops.values():
            subprocess.run(["losetup", "--detach", loop], check=False)
        self.network.down()
        subprocess.run(["umount", "--lazy", str(self._memory())], check=False)

    def instances(self, *states: str) -> list[dict[str, Any]]:
        states = states or ("pending", "running")
        found = self.client("ec2").describe_instances(
            Filters=[{"Name": "instance-state-name", "Values": list(states)}]
        )
        return [i for r in found["Reservations"] for i in r["Instances"]]

    def notice(self, instance: dict[str, Any], after_s: float) -> None:
        """Tell the instance that it will be taken away, and then do it, as EC2 does for spot."""
        at = self._taken[instance["InstanceId"]] = time.time() + after_s
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        file = self._told / f"{instance['PrivateIpAddress']}.notice.json"
        file.write_text(json.dumps({"action": "terminate", "time": when}))

    def _follow(self) -> None:
        while not self._stop.wait(1):
            try:
                self._step()
            except Exception as error:
                self.failures.append(repr(error))

    def _step(self) -> None:
        running = {i["InstanceId"]: i for i in self.instances()}
        for name in running.keys() & {i for i, at in self._taken.items() if time.time() > at}:
            self.client("ec2").terminate_instances(InstanceIds=[name])
        for name, instance in running.items():
            if name not in self.hosts:
                self.hosts[name] = self._boot(instance)
            elif not self.hosts[name].alive():  # it powered off, which ends an instance
                self.client("ec2").terminate_instances(InstanceIds=[name])
        for name, host in self.hosts.items():
            if name not in running and host.alive():
                host.power_off()

    def _boot(self, instance: dict[str, Any]) -> Host:
        address = instance["PrivateIpAddress"]
        template = self._template(instance)
        told = {
            "instance_id": instance["InstanceId"],
            "type": instance["InstanceType"],
            "market": instance.get("InstanceLifecycle", "on-demand"),
            "zone": instance["Placement"]["AvailabilityZone"],
            "role": template["IamInstanceProfile"]["Arn"].rpartition("/")[2],
            "user_data": base64.b64decode(template["UserData"]).decode(),
        }
        (self._told / f"{address}.json").write_text(json.dumps(told))
        namespace = self.network.add(address)
        top = self._memory() / instance["InstanceId"]
        return Host(self.image, top, namespace, self._volumes(instance))

    def _template(self, instance: dict[str, Any]) -> dict[str, Any]:
        """What the instance was launched from; moto keeps of it the type, the image and tags."""
        ec2, tags = self.client("ec2"), {t["Key"]: t["Value"] for t in instance["Tags"]}
        if group := tags.get("aws:autoscaling:groupName"):
            groups = self.client("autoscaling").describe_auto_scaling_groups(
                AutoScalingGroupNames=[group]
            )["AutoScalingGroups"]
            wanted = groups[0]["LaunchTemplate"]["LaunchTemplateId"]
        else:
            pool = [{"Name": "tag:gensweep:pool", "Values": [tags["gensweep:pool"]]}]
            found = ec2.describe_launch_templates(Filters=pool)["LaunchTemplates"]
            wanted = found[0]["LaunchTemplateId"]
        found = ec2.describe_launch_template_versions(LaunchTemplateId=wanted, Versions=["$Latest"])
        data: dict[str, Any] = found["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        return data

    def _volumes(self, instance: dict[str, Any]) -> list[tuple[Path, str]]:
        """Data volumes of the zone, as devices: attaching one makes it appear on real hardware."""
        zone = instance["Placement"]["AvailabilityZone"]
        data = [{"Name": "availability-zone", "Values": [zone]},
                {"Name": "tag:Name", "Values": ["*-data"]}]  # fmt: skip
        binds = []
        for volume in self.client("ec2").describe_volumes(Filters=data)["Volumes"]:
            device = Path(self._device(volume["VolumeId"]))
            name = volume["VolumeId"].replace("-", "")
            binds.append((device, f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{name}"))
        return binds

    def _device(self, volume: str) -> str:
        if volume not in self._loops:
            file = self.folder / f"{volume}.disk"
            with file.open("wb") as disk:
                disk.truncate(2 * 2**30)
            done = subprocess.run(
                ["losetup", "--find", "--show", str(file)],
                capture_output=True,
                text=True,
                check=True,
            )
            self._loops[volume] = done.stdout.strip()
        return self._loops[volume]

    def _serve(self, name: str, argv: list[str]) -> None:
        env = os.environ | {
            "MOTO_IAM_LOAD_MANAGED_POLICIES": "true", "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION,
        }  # fmt: skip
        with (self.folder / f"{name}.log").open("wb") as log:
            command = ["ip", "netns", "exec", self.network.cloud, sys.executable, *argv]
            self._services.append(subprocess.Popen(command, stdout=log, stderr=log, env=env))

    def _wait_for_aws(self, wait_s: float = 60) -> None:
        end = time.monotonic() + wait_s
        while True:
            try:
                self.client("sts").get_caller_identity()
                return
            except Exception:
                if time.monotonic() > end:
                    raise
                time.sleep(0.3)

    def _memory(self) -> Path:
        """Where hosts keep their files: overlays do not lie on overlays."""
        place = self.folder / "memory"
        place.mkdir(exist_ok=True)
        return place
