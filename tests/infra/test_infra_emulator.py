"""The AWS root, as `examples/minimal` has it, in an account of an AWS emulator."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import aws, terraform

pytestmark = [
    pytest.mark.slow("Terraform applies the AWS root, plans it again and destroys it", minutes=2.6),
]
PROVIDER = """
provider "aws" {
  max_retries                 = 4
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""
"""moto answers what it cannot do by 500, which the provider would repeat for minutes; a connection
that a busy machine drops is worth another attempt."""
IMAGE = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
CHANGES = f"""
module "gensweep" {{
  images        = {{ cpu = "{IMAGE}", gpu = "{IMAGE}" }}
  budget        = null
  force_destroy = true
}}
"""
"""moto has neither budgets nor the images with GPU drivers."""
PRODUCTION = f"""
terraform {{
  backend "local" {{}}
}}
module "gensweep" {{
  images = {{ cpu = "{IMAGE}", gpu = "{IMAGE}" }}
}}
"""
BACKEND = """
key                         = "minimal/terraform.tfstate"
region                      = "eu-central-1"
encrypt                     = true
use_lockfile                = true
use_path_style              = true
skip_credentials_validation = true
skip_requesting_account_id  = true
"""


@dataclass(frozen=True)
class Account:
    """The emulator's account after the example was applied."""

    example: terraform.Terraform
    state_bucket: str
    empty: dict[str, list[str]]
    endpoint: str
    production: list[dict[str, Any]]
    """What `examples/production` would make: the emulator lacks budgets and placement groups."""

    def client(self, service: str) -> Any:
        return aws.client(service, self.endpoint)

    def inventory(self) -> dict[str, list[str]]:
        return aws.inventory(self.client)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    target = tmp_path_factory.mktemp("account")
    with aws.server(target / "moto.log") as endpoint:
        env = terraform.copy(target, **aws.KEYS, AWS_ENDPOINT_URL=endpoint,
                             AWS_ENDPOINT_URL_S3=endpoint, TF_VAR_region=aws.KEYS["AWS_REGION"],
                             TF_VAR_email="someone@example.org")  # fmt: skip
        state = folder(target, env, "state", PROVIDER)
        state.ok("init")
        state.ok("apply", "-auto-approve")
        bucket = state.ok("output", "-raw", "bucket")
        minimal = folder(target, env, "minimal", PROVIDER + CHANGES)
        (minimal.folder / "backend.hcl").write_text(f'bucket = "{bucket}"' + BACKEND)
        minimal.ok("init", "-backend-config=backend.hcl")
        empty = aws.inventory(lambda name: aws.client(name, endpoint))
        with ThreadPoolExecutor(1) as other:  # an apply mostly waits, by the provider's own delays
            applied = other.submit(minimal.ok, "apply", "-auto-approve")
            production = planned(folder(target, env, "production", PROVIDER + PRODUCTION))
            applied.result()
        yield Account(minimal, bucket, empty, endpoint, production)


def folder(target: Path, env: dict[str, str], example: str, override: str) -> terraform.Terraform:
    place = target / "infra/aws/examples" / example
    (place / "override.tf").write_text(override)
    return terraform.Terraform(place, env)


def planned(root: terraform.Terraform) -> list[dict[str, Any]]:
    """What a folder would make."""
    root.ok("init")
    root.ok("plan", "-out=plan")
    found: list[dict[str, Any]] = root.json("show", "-json", "plan")["resource_changes"]
    return found


def test_production_would_have_what_it_names(account: Account) -> None:
    made = Counter(
        change["type"] for change in account.production if "create" in change["change"]["actions"]
    )
    wanted = {
        "aws_nat_gateway": 3,
        "aws_vpc_endpoint": 11,
        "aws_db_instance": 1,
        "aws_placement_group": 1,
        "aws_budgets_budget_action": 1,
        "aws_autoscaling_schedule": 0,
        "aws_launch_template": 5,
    }
    assert {kind: made[kind] for kind in wanted} == wanted
    (p5,) = [
        change["change"]["after"] for change in account.production
        if change["address"].endswith('aws_launch_template.pool["p5"]')
    ]  # fmt: skip
    assert len(p5["network_interfaces"]) == 32
    assert p5["placement"]


def test_a_second_plan_changes_nothing(account: Account) -> None:
    done = account.example.run("plan", "-detailed-exitcode")
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def test_no_connection_is_let_in_from_outside(account: Account) -> None:
    rules = account.client("ec2").describe_security_group_rules()["SecurityGroupRules"]
    ours = [r for r in rules if r["GroupId"] in set(group_ids(account))]
    assert len(ours) > 10
    assert [r for r in ours if not r["IsEgress"] and "ReferencedGroupInfo" not in r] == []
    outward = {r.get("CidrIpv4") for r in ours if r["IsEgress"] and "ReferencedGroupInfo" not in r}
    assert outward == {"0.0.0.0/0"}
    assert {r["ToPort"] for r in ours if r.get("CidrIpv4") == "0.0.0.0/0"} == {443}


def group_ids(account: Account) -> list[str]:
    groups = account.client("ec2").describe_security_groups(Filters=[in_vpc(account)])
    return [group["GroupId"] for group in groups["SecurityGroups"]]


def in_vpc(account: Account) -> dict[str, Any]:
    named = [{"Name": "tag:Name", "Values": ["gensweep"]}]
    (vpc,) = account.client("ec2").describe_vpcs(Filters=named)["Vpcs"]
    return {"Name": "vpc-id", "Values": [vpc["VpcId"]]}


def test_the_default_group_lets_nothing_through(account: Account) -> None:
    default = [in_vpc(account), {"Name": "group-name", "Values": ["default"]}]
    (group,) = account.client("ec2").describe_security_groups(Filters=default)["SecurityGroups"]
    assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])


def test_volumes_are_encrypted_by_our_key(account: Account) -> None:
    ours = [{"Name": "tag:gensweep:cluster", "Values": ["gensweep"]}]
    volumes = account.client("ec2").describe_volumes(Filters=ours)["Volumes"]
    assert {tag["Value"] for v in volumes for tag in v["Tags"] if tag["Key"] == "Name"} == {
        "gensweep-head-data",
        "gensweep-tracking-data",
    }
    assert all(volume["Encrypted"] and ":key/" in volume["KmsKeyId"] for volume in volumes)


def templates(account: Account) -> dict[str, Any]:
    ec2 = account.client("ec2")
    found = {}
    for template in ec2.describe_launch_templates()["LaunchTemplates"]:
        versions = ec2.describe_launch_template_versions(
            LaunchTemplateId=template["LaunchTemplateId"], Versions=["$Latest"]
        )
        (version,) = versions["LaunchTemplateVersions"]
        found[template["LaunchTemplateName"]] = version["LaunchTemplateData"]
    return found


def test_hosts_have_no_key_no_public_address_and_no_old_metadata(account: Account) -> None:
    found = templates(account)
    assert set(found) == {"gensweep-head", "gensweep-tracking", "gensweep-g6-spot"}
    for data in found.values():
        assert "KeyName" not in data
        assert "NetworkInterfaces" not in data
        assert data["MetadataOptions"]["HttpTokens"] == "required"
        assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
        assert data["InstanceInitiatedShutdownBehavior"] == "terminate"
        assert all(m["Ebs"]["Encrypted"] for m in data["BlockDeviceMappings"])
    ec2 = account.client("ec2")
    assert ec2.describe_key_pairs()["KeyPairs"] == []
    subnets = ec2.describe_subnets(Filters=[in_vpc(account)])["Subnets"]
    assert [s for s in subnets if s["MapPublicIpOnLaunch"]] == []


def test_head_and_tracking_server_run(account: Account) -> None:
    running = [{"Name": "instance-state-name", "Values": ["running"]}]
    found = account.client("ec2").describe_instances(Filters=running)["Reservations"]
    roles = [
        tag["Value"] for r in found for i in r["Instances"] for tag in i["Tags"]
        if tag["Key"] == "gensweep:role"
    ]  # fmt: skip
    assert sorted(roles) == ["head", "tracking"]


def test_buckets_are_private_versioned_encrypted_and_want_tls(account: Account) -> None:
    s3 = account.client("s3")
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert sorted(n.rsplit("-1234")[0] for n in names) == [
        "gensweep-artifacts", "gensweep-logs", "gensweep-state"
    ]  # fmt: skip
    for name in names:
        block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        assert len(block) == 4
        assert all(block.values())
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        (rule,) = s3.get_bucket_ownership_controls(Bucket=name)["OwnershipControls"]["Rules"]
        assert rule["ObjectOwnership"] == "BucketOwnerEnforced"
        (sse,) = s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        kind = "aws:kms" if "artifacts" in name else "AES256"
        assert sse["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == kind
        policy = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])
        plain = [s for s in policy["Statement"] if s["Sid"] == "PlainText"]
        assert [(s["Effect"], s["Action"], s["Condition"]) for s in plain] == [
            ("Deny", "s3:*", {"Bool": {"aws:SecureTransport": "false"}})
        ]


def policies(account: Account) -> dict[str, Any]:
    """Every policy of our own, managed and inline, by where it is."""
    iam = account.client("iam")
    found = {}
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(
            PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"]
        )
        found[policy["PolicyName"]] = version["PolicyVersion"]["Document"]
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role["RoleName"], PolicyName=name)
            found[f"{role['RoleName']}/{name}"] = document["PolicyDocument"]
    return found


def test_no_policy_gives_every_action_on_everything(account: Account) -> None:
    found = policies(account)
    assert len(found) >= 9
    for name, document in found.items():
        for statement in document["Statement"]:
            actions = statement["Action"]
            listed = [actions] if isinstance(actions, str) else actions
            assert not any("*" in action for action in listed), name


def test_every_role_has_a_boundary(account: Account) -> None:
    iam = account.client("iam")
    roles = [r["RoleName"] for r in iam.list_roles()["Roles"] if r["RoleName"].startswith("gens")]
    assert len(roles) == 4
    for role in roles:
        boundary = iam.get_role(RoleName=role)["Role"]["PermissionsBoundary"]
        assert boundary["PermissionsBoundaryArn"].endswith(":policy/gensweep-boundary")


def test_secrets_exist_and_the_state_knows_none_of_them(account: Account) -> None:
    secrets = account.client("secretsmanager")
    values = [
        secrets.get_secret_value(SecretId=listed["ARN"])["SecretString"]
        for listed in secrets.list_secrets()["SecretList"]
    ]
    fields = [word for value in values for word in (read(value) or {"": value}).values()]
    long = [word for word in fields if len(word) >= 40]
    assert len(long) == 4
    state = account.client("s3").get_object(
        Bucket=account.state_bucket, Key="minimal/terraform.tfstate"
    )
    text = state["Body"].read().decode()
    assert "gensweep/ray-token" in text
    assert [word for word in long if word in text] == []


def read(value: str) -> dict[str, str] | None:
    found: dict[str, str] | None = json.loads(value) if value.startswith("{") else None
    return found


def test_a_notice_reaches_the_queue(account: Account) -> None:
    notice = {
        "Source": "aws.ec2",
        "DetailType": "EC2 Spot Instance Interruption Warning",
        "Detail": json.dumps({"instance-id": "i-0123", "instance-action": "terminate"}),
    }
    account.client("events").put_events(Entries=[notice])
    queue = outputs(account)["queue_url"]
    sqs = account.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert json.loads(message["Body"])["detail"]["instance-id"] == "i-0123"
    named = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert named["SqsManagedSseEnabled"] == "true"
    assert json.loads(named["RedrivePolicy"])["maxReceiveCount"] == 20


def outputs(account: Account) -> Any:
    return account.example.json("output", "-json", "gensweep")


def test_all_that_can_be_tagged_is(account: Account) -> None:
    tagged = {
        resource["address"]: resource["values"]["tags"]
        for resource in resources(account.example.json("show", "-json")["values"]["root_module"])
        if "tags" in resource["values"] and resource["mode"] == "managed"
    }
    assert len(tagged) > 40
    bare = [name for name, tags in tagged.items() if "gensweep:cluster" not in (tags or {})]
    assert bare == []


def resources(module: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from module.get("resources", [])
    for child in module.get("child_modules", []):
        yield from resources(child)


def test_a_lock_that_another_holds_is_respected(account: Account) -> None:
    s3 = account.client("s3")
    lock = {"Bucket": account.state_bucket, "Key": "minimal/terraform.tfstate.tflock"}
    held = {"ID": "0", "Operation": "apply", "Who": "another", "Version": "1.11.4", "Path": ""}
    s3.put_object(**lock, Body=json.dumps(held | {"Created": "2026-01-01T00:00:00Z", "Info": ""}))
    try:
        done = account.example.run("plan", "-lock-timeout=0s")
    finally:
        s3.delete_object(**lock)
    assert done.returncode == 1
    assert "Error acquiring the state lock" in done.stderr


def test_destroy_leaves_nothing(account: Account) -> None:
    assert sum(map(len, account.inventory().values())) > 60
    account.example.ok("destroy", "-auto-approve")
    assert account.inventory() == account.empty
