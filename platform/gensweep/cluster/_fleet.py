"""Launches, lists and ends the EC2 instances of a cluster, which are found by their tags."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CLUSTER_TAG = "ray-cluster-name"
GONE_STATES = {"shutting-down", "terminated"}
LIVE_STATES = ("pending", "running", "stopping", "stopped")
"""States in which an instance counts as the cluster's: a stopped one costs, and Ray ends it."""
PAGE_SIZE, TERMINATE_SIZE = 500, 1000
"""Instances that one answer of DescribeInstances, or one call of TerminateInstances, may have."""

MORE_TYPES = "add instance types or subnets to the pool"
QUOTA = "ask AWS for a higher quota of these instances"
CURES = {
    "InsufficientInstanceCapacity": MORE_TYPES,
    "InsufficientCapacityOnHost": MORE_TYPES,
    "InsufficientHostCapacity": MORE_TYPES,
    "UnfulfillableCapacity": MORE_TYPES,
    "SpotMaxPriceTooLow": "leave spot's maximum price out of the launch template",
    "Unsupported": "leave out the subnets whose zone has not this type",
    "MaxSpotInstanceCountExceeded": QUOTA,
    "InstanceLimitExceeded": QUOTA,
    "VcpuLimitExceeded": QUOTA,
    "InsufficientFreeAddressesInSubnet": "give the pool larger subnets",
    "RequestLimitExceeded": "EC2 throttles this account; the next try comes by itself",
    "Throttling": "EC2 throttles this account; the next try comes by itself",
    "UnauthorizedOperation": "allow it in the head's role; a budget's stop denies it, too",
    "UnauthorizedOperation.CreateFleet": "allow it in the head's role",
}
"""What to do about an error of CreateFleet, by its code."""
OTHERWISE = "see the message, and the pool's launch template"


@dataclass(frozen=True, slots=True)
class Instance:
    """An EC2 instance as DescribeInstances showed it last; `address` is its private one."""

    id: str
    state: str
    tags: Mapping[str, str]
    address: str = ""


@dataclass(slots=True)
class LaunchResult:
    """The result of a call of CreateFleet: the instances that came, and errors for the others."""

    ids: list[str] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    """Errors of overrides, or of the call, by code."""

    message: str = ""

    def failure(self) -> str:
        """Say in one line why instances are missing: error codes, the first message, a cure."""
        if not self.codes:
            return f"fewer instances than asked for, without an error: {MORE_TYPES}"
        code = self.codes.most_common(1)[0][0]
        said = ", ".join(f"{name} x {n}" if n > 1 else name for name, n in self.codes.items())
        return f"{said} ({' '.join(self.message.split())[:200]}): {CURES.get(code, OTHERWISE)}"


def connect_ec2(region: str | None) -> Any:
    """Make an EC2 client that repeats, ever more slowly, what EC2 throttles."""
    import boto3
    from botocore.config import Config

    retries = {"mode": "adaptive", "max_attempts": 6}
    config = Config(retries=retries, connect_timeout=10, read_timeout=60)
    return boto3.client("ec2", region_name=region, config=config)


def launch_fleet(ec2: Any, request: Mapping[str, Any]) -> LaunchResult:
    """Call CreateFleet with a `Pool.fleet_request`; it may start fewer instances, or none.

    A refused call is a result without instances, not an error: the autoscaler must hear of both
    in the same way.
    """
    from botocore.exceptions import ClientError

    try:
        answer = ec2.create_fleet(**request)
    except ClientError as error:
        reason = error.response["Error"]
        codes = Counter([reason.get("Code", "")])
        return LaunchResult(codes=codes, message=reason.get("Message", ""))
    errors = answer.get("Errors") or []
    return LaunchResult(
        ids=[i for group in answer.get("Instances") or [] for i in group["InstanceIds"]],
        codes=Counter(error["ErrorCode"] for error in errors),
        message=errors[0].get("ErrorMessage", "") if errors else "",
    )


def list_instances(ec2: Any, cluster: str, ids: Sequence[str] = ()) -> list[Instance]:
    """List the cluster's instances that are not gone; only those of `ids`, if there are any."""
    wanted = {f"tag:{CLUSTER_TAG}": [cluster], "instance-state-name": list(LIVE_STATES)}
    if ids:
        wanted["instance-id"] = list(ids)
    # Ids as a filter, not as InstanceIds: one that is gone would make the whole call fail.
    filters = [{"Name": name, "Values": values} for name, values in wanted.items()]
    pages = ec2.get_paginator("describe_instances").paginate(
        Filters=filters, PaginationConfig={"PageSize": PAGE_SIZE}
    )
    return [_instance(one) for page in pages for group in page["Reservations"]
            for one in group["Instances"]]  # fmt: skip


def _instance(found: Mapping[str, Any]) -> Instance:
    tags = {tag["Key"]: tag["Value"] for tag in found.get("Tags", ())}
    return Instance(found["InstanceId"], found["State"]["Name"], tags,
                    found.get("PrivateIpAddress", ""))  # fmt: skip


def terminate_instances(ec2: Any, ids: Sequence[str]) -> None:
    """Terminate the instances; those that are gone already are no error."""
    from botocore.exceptions import ClientError

    for some in _chunks(ids, TERMINATE_SIZE):
        try:
            ec2.terminate_instances(InstanceIds=some)
        except ClientError as error:
            if not error.response["Error"]["Code"].startswith("InvalidInstanceID"):
                raise
            if len(some) > 1:  # the whole call failed of one
                for one in some:
                    terminate_instances(ec2, [one])


def _chunks(ids: Sequence[str], size: int) -> Iterable[list[str]]:
    return (list(ids[i : i + size]) for i in range(0, len(ids), size))
