"""What each role may do and what it may not, by the policies that Terraform renders."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra import aws, iam, terraform
from infra.iam_table import BUCKET, KEY, LOGS, QUEUE, TABLE, UNBOUND

pytestmark = [
    pytest.mark.slow("Terraform plans the AWS root", minutes=0.8),
]

EVERYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
USUAL = {
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "aws:RequestedRegion": "eu-central-1",
}


class Policies:
    """The documents of a plan, by the role or resource that they are for."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self.documents = {
            r["address"]: json.loads(r["change"]["after"]["policy"])
            for r in resources
            if r["type"] in ("aws_iam_policy", "aws_iam_role_policy", "aws_s3_bucket_policy",
                             "aws_kms_key", "aws_sqs_queue")
            and str(r["change"]["after"].get("policy")).startswith("{")
        }  # fmt: skip

    def pick(self, *addresses: str) -> list[Any]:
        return [self.documents[address] for address in addresses]

    def own(self, who: str) -> list[Any]:
        who = who.removeprefix(UNBOUND)
        host = "aws_iam_policy.host"
        member = "aws_iam_policy.member"
        mlflow = "aws_iam_policy.mlflow"
        head = [host, member, mlflow, "module.head.module.host.aws_iam_role_policy.host",
                "module.head.aws_iam_role_policy.workers[0]",
                "module.head.aws_iam_role_policy.notices"]  # fmt: skip
        roles = {
            "head": head,
            "stopped head": [*head, "module.budget.aws_iam_policy.stop"],
            "worker": [host, member],
            "tracking": [host, mlflow, "module.tracking.module.host.aws_iam_role_policy.host",
                         "module.tracking.aws_iam_role_policy.artifacts"],
            "flow": ["module.network.aws_iam_role_policy.flow"],
            "budget": ["module.budget.aws_iam_role_policy.budget[0]"],
        }  # fmt: skip
        return [EVERYTHING] if who == "administrator" else self.pick(*roles.get(who, []))

    def of_resource(self, arn: str) -> list[Any]:
        holders = {
            BUCKET: "module.storage.aws_s3_bucket_policy.artifacts",
            LOGS: "module.storage.aws_s3_bucket_policy.logs",
            QUEUE: "module.events.aws_sqs_queue.this",
            KEY: "module.storage.aws_kms_key.this",
        }
        return self.pick(*(holder for held, holder in holders.items() if arn.startswith(held)))

    def allow(self, who: str, action: str, resource: str, context: dict[str, Any]) -> bool:
        """Who is "unbound" has no boundary of ours: a caller may give one that says less."""
        bound = not who.startswith(UNBOUND)
        boundary = self.documents["aws_iam_policy.boundary[0]"] if bound else None
        request = iam.Request(who.removeprefix(UNBOUND), action, resource, USUAL | context)
        return iam.allowed(request, self.own(who), boundary, self.of_resource(resource))


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What Terraform's own test of the whole root says, its plans among it."""
    target = tmp_path_factory.mktemp("policies")
    with aws.server(target / "moto.log") as endpoint:
        env = terraform.copy(target, AWS_ENDPOINT_URL=endpoint)
        root = terraform.Terraform(target / "infra/aws", env)
        root.ok("init", "-backend=false")
        return root.tests([terraform.WHOLE], "-verbose")


def test_terraforms_own_test_of_the_whole_passes(said: list[dict[str, Any]]) -> None:
    wanted = [f"{name}: pass" for name, _ in terraform.blocks(terraform.WHOLE, "run")]
    verdicts = terraform.verdicts(said)
    assert verdicts[terraform.WHOLE.name] == wanted, "\n".join(verdicts["said"])


@pytest.fixture(scope="module")
def policies(said: list[dict[str, Any]]) -> Policies:
    """As the root's own test renders them, with known ARNs."""
    (plan,) = [
        line["test_plan"] for line in said
        if line["type"] == "test_plan" and line["@testrun"] == "cluster"
    ]  # fmt: skip
    return Policies(plan["resource_changes"])


@pytest.mark.parametrize(("who", "action", "resource", "context", "wanted"), TABLE)
def test_decisions(who: str, action: str, resource: str, context: dict[str, Any],
                   wanted: bool, policies: Policies) -> None:  # fmt: skip
    assert policies.allow(who, action, resource, context) is wanted


def test_every_policy_is_carried_by_somebody(policies: Policies) -> None:
    used = {id(d) for who in {row[0] for row in TABLE} for d in policies.own(who)}
    used |= {id(d) for row in TABLE for d in policies.of_resource(row[2])}
    used.add(id(policies.documents["aws_iam_policy.boundary[0]"]))
    assert [name for name, d in policies.documents.items() if id(d) not in used] == []


def test_every_statement_and_condition_decides_a_row(policies: Policies) -> None:
    """Were one lost, a row of the table would turn out otherwise."""
    held = policies.documents
    idle = []
    for name, document in held.items():
        for what, less in lessened(document):
            policies.documents = held | {name: less}
            if all(policies.allow(*row[:4]) is row[4] for row in TABLE):
                idle.append(f"{name}: {what}")
    policies.documents = held
    assert idle == []


def lessened(document: Any) -> Iterator[tuple[str, Any]]:
    """The document without one statement, and without one condition of one."""
    for at, statement in enumerate(document["Statement"]):
        before, after = document["Statement"][:at], document["Statement"][at + 1 :]
        yield statement["Sid"], document | {"Statement": before + after}
        conditions = statement.get("Condition", {})
        for operator, key in ((o, k) for o, keys in conditions.items() for k in keys):
            left = {k: v for k, v in conditions[operator].items() if k != key}
            loose = statement | {"Condition": conditions | {operator: left}}
            what = f"{statement['Sid']}, {operator} {key}"
            yield what, document | {"Statement": [*before, loose, *after]}


FREE = {
    "logs:DescribeLogGroups",
    "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel",
}  # fmt: skip
"""Actions that know no resource, besides those that only look."""


def test_everywhere_is_for_actions_that_know_no_resource(policies: Policies) -> None:
    names = [n for n in policies.documents if "iam_" in n and "boundary" not in n]
    for statement in iam.statements([policies.documents[n] for n in names], "Allow"):
        if statement["Resource"] == "*":
            bound = {a for a in statement["Action"] if not a.startswith("ec2:Describe")} - FREE
            assert not bound, statement["Sid"]


@pytest.mark.parametrize("operator", ["StringEqualsIgnoreCase", "IpAddress", "DateLessThan"])
def test_an_operator_that_is_not_known_is_an_error(operator: str) -> None:
    with pytest.raises(AssertionError, match="not known here"):
        iam.holds(operator, "aws:x", ["y"], {"aws:x": "y"})


@pytest.mark.parametrize(
    ("operator", "context", "wanted"),
    [
        ("StringEquals", {}, False),
        ("StringEqualsIfExists", {}, True),
        ("StringNotEquals", {}, True),
        ("StringNotEquals", {"k": "v"}, False),
        ("ForAllValues:StringEquals", {}, True),
        ("ForAllValues:StringEquals", {"k": ["v", "w"]}, False),
        ("ForAnyValue:StringEquals", {"k": ["v", "w"]}, True),
        ("ForAnyValue:StringEquals", {}, False),
        ("StringLike", {"K": "v"}, True),
    ],
)
def test_conditions(operator: str, context: dict[str, Any], wanted: bool) -> None:
    assert iam.holds(operator, "k", ["v"], context) is wanted


def test_wildcards_of_arns_stay_within_a_part() -> None:
    assert iam.arn_like("arn:aws:sqs:*:1:q", "arn:aws:sqs:eu:1:q")
    assert not iam.arn_like("arn:aws:sqs:*:q", "arn:aws:sqs:eu:1:q")
