"""moto's server, with two of its mistakes (5.2.5) put right.

It takes a denial whose condition is not met for one that is: under a policy that refuses plain-text
requests nobody could read a bucket. Bucket policies are therefore not judged here, but by `iam.py`.
And it returns a launch template's own tags as if they were tags of what the template makes.
"""

from typing import Any

from moto.ec2.models.launch_templates import LaunchTemplate, LaunchTemplateVersion
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket
from moto.server import main

create_version = LaunchTemplate.create_version


def neutral(*_: Any) -> PermissionResult:
    return PermissionResult.NEUTRAL


def create_version_of_others(
    self: LaunchTemplate, data: dict[str, Any], description: str
) -> LaunchTemplateVersion:
    specs = data.get("TagSpecifications", [])
    others = [spec for spec in specs if spec["ResourceType"] != "launch-template"]
    return create_version(self, data | {"TagSpecifications": others}, description)


if __name__ == "__main__":
    FakeBucket.get_permission = neutral  # type: ignore[method-assign]
    LaunchTemplate.create_version = create_version_of_others  # type: ignore[method-assign]
    main()
