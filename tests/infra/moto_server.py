"""moto's server, with four of its mistakes (5.2.5) put right.

It takes a denial whose condition is not met for one that is: under a policy that refuses plain-text
requests nobody could read a bucket. Bucket policies are therefore not judged here, but by `iam.py`.
It returns a launch template's own tags as if they were tags of what the template makes. It forgets
the description of a security group's rule whose other end is a group. And it writes a queue's
redrive policy anew, with other spaces, which Terraform takes for a change.
"""

import json
from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.server import main
from moto.sqs.models import Queue

create_version = LaunchTemplate.create_version
attributes = Queue.attributes


def neutral(*_: Any) -> PermissionResult:
    return PermissionResult.NEUTRAL


def create_version_of_others(
    self: LaunchTemplate, data: dict[str, Any], description: str
) -> LaunchTemplateVersion:
    specs = data.get("TagSpecifications", [])
    others = [spec for spec in specs if spec["ResourceType"] != "launch-template"]
    return create_version(self, data | {"TagSpecifications": others}, description)


def description(self: SecurityGroupRule) -> str | None:
    found: str | None = self.ip_range.get("Description") or self.source_group.get("Description")
    return found


def compact(self: Queue) -> dict[str, Any]:
    found: dict[str, Any] = attributes.fget(self)
    if found.get("RedrivePolicy"):
        policy = json.loads(found["RedrivePolicy"])
        found["RedrivePolicy"] = json.dumps(policy, separators=(",", ":"))
    return found


if __name__ == "__main__":
    FakeBucket.get_permission = neutral  # type: ignore[method-assign]
    LaunchTemplate.create_version = create_version_of_others  # type: ignore[method-assign]
    SecurityGroupRule.description = property(description)  # type: ignore[method-assign,assignment]
    Queue.attributes = property(compact)
    main()
