"""An AWS API on 127.0.0.1 for as long as a test needs it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import boto3

SERVER = Path(__file__).with_name("moto_server.py")
KEYS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "not-shown-4711",
    "AWS_REGION": "eu-central-1",
}


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def server(log: Path) -> Iterator[str]:
    """A moto server in a process of its own; its address."""
    port = free_port()
    argv = [sys.executable, str(SERVER), "-H", "127.0.0.1", "-p", str(port)]
    env = os.environ | {"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}
    with log.open("w") as out, subprocess.Popen(argv, env=env, stdout=out, stderr=out) as process:
        try:
            deadline = time.monotonic() + 60
            while not answers(port):
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, f"no answer on port {port} within 60 s"
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@cache
def client(service: str, endpoint: str) -> Any:
    """The client of a service there; to make one takes as long as a hundred requests."""
    session = boto3.session.Session(
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_REGION"],
    )
    return session.client(service, endpoint_url=endpoint)


def answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


LISTED = [
    ("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups", "AutoScalingGroupName"),
    ("ec2", "describe_addresses", "Addresses", "AllocationId"),
    ("ec2", "describe_flow_logs", "FlowLogs", "FlowLogId"),
    ("ec2", "describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("ec2", "describe_launch_templates", "LaunchTemplates", "LaunchTemplateId"),
    ("ec2", "describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("ec2", "describe_route_tables", "RouteTables", "RouteTableId"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupId"),
    ("ec2", "describe_subnets", "Subnets", "SubnetId"),
    ("ec2", "describe_volumes", "Volumes", "VolumeId"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe_vpcs", "Vpcs", "VpcId"),
    ("events", "list_rules", "Rules", "Name"),
    ("iam", "list_instance_profiles", "InstanceProfiles", "InstanceProfileName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("kms", "list_aliases", "Aliases", "AliasName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("route53", "list_hosted_zones", "HostedZones", "Id"),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("secretsmanager", "list_secrets", "SecretList", "ARN"),
    ("sqs", "list_queues", "QueueUrls", ""),
]
"""What an account has, but for instances, snapshots, policies and keys. Interfaces are not among
it: we make none, and moto keeps those of gateways that are gone."""


def inventory(client: Callable[[str], Any]) -> dict[str, list[str]]:
    """Names of all that an account has, by the call that lists it."""
    found = {
        operation: [
            item[name] if name else item for item in listed(client, service, operation, key)
        ]
        for service, operation, key, name in LISTED
    }
    ec2, kms = client("ec2"), client("kms")
    running = [i for r in ec2.describe_instances()["Reservations"] for i in r["Instances"]]
    found["instances"] = [
        i["InstanceId"] for i in running if i["State"]["Name"] not in ("terminated",)
    ]
    found["snapshots"] = [
        s["SnapshotId"] for s in ec2.describe_snapshots(OwnerIds=["self"])["Snapshots"]
    ]
    found["policies"] = [p["Arn"] for p in client("iam").list_policies(Scope="Local")["Policies"]]
    keys = [kms.describe_key(KeyId=k["KeyId"])["KeyMetadata"] for k in kms.list_keys()["Keys"]]
    ours = [k for k in keys if k["KeyManager"] == "CUSTOMER" and k["KeyState"] == "Enabled"]
    found["keys"] = [key["Arn"] for key in ours]
    return {name: sorted(items) for name, items in found.items()}


def listed(client: Callable[[str], Any], service: str, operation: str, key: str) -> list[Any]:
    """What is there; EC2 still lists for an hour what was deleted."""
    items = getattr(client(service), operation)().get(key, [])
    return [i for i in items if not isinstance(i, dict) or i.get("State") != "deleted"]
