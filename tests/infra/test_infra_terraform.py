"""What Terraform itself says of infra/aws, and what is asked of every variable and output."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import hcl2
import pytest

from infra import aws, terraform

ROOT = terraform.ROOT / "infra/aws"
PARTS = [file for file in terraform.TESTS if file != terraform.WHOLE]
"""Terraform's own tests but that of the whole, which the test of policies runs."""
FOLDERS = [*terraform.MODULES, *terraform.EXAMPLES]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[terraform.Terraform]:
    """A copy of the root, initialised; an emulator is there for what Terraform cannot mock."""
    target = tmp_path_factory.mktemp("terraform")
    with aws.server(target / "moto.log") as endpoint:
        env = terraform.copy(target, AWS_ENDPOINT_URL=endpoint)
        made = terraform.Terraform(target / "infra/aws", env)
        made.ok("init", "-backend=false")
        yield made


def test_files_are_formatted(root: terraform.Terraform) -> None:
    done = root.run("fmt", "-check", "-recursive", "-diff")
    assert done.returncode == 0, done.stdout


@pytest.mark.slow("Terraform loads the AWS provider to validate each root", minutes=1.5)
@pytest.mark.parametrize("folder", [".", *terraform.EXAMPLES])
def test_configurations_are_valid(folder: str, root: terraform.Terraform) -> None:
    """The root's validation is that of all its modules."""
    there = terraform.Terraform(root.folder / folder, root.env)
    there.ok("init", "-backend=false")
    there.ok("validate")


WAYS_OUT = (
    "aws_route.nat", "aws_route.internet", "aws_route_table_association.private",
    "aws_vpc_endpoint.s3", "aws_vpc_endpoint.service", "aws_vpc_endpoint.names",
    "aws_vpc_security_group_egress_rule.https",
)  # fmt: skip
BEFORE = {
    "head": ["aws_iam_role_policy.workers", "aws_iam_role_policy.notices"],
    "tracking": ["aws_iam_role_policy.artifacts", "aws_db_instance.this"],
}


@pytest.fixture(scope="module")
def graph(root: terraform.Terraform) -> str:
    return root.ok("graph")


@pytest.mark.slow("Terraform draws the AWS root as a graph", minutes=1.5)
@pytest.mark.parametrize("role", sorted(BEFORE))
def test_a_host_starts_after_its_rights_and_its_ways_out(role: str, graph: str) -> None:
    here = f"module.{role}.module.host."
    found = reached(graph, here + "aws_autoscaling_group.this")
    wanted = [here + "aws_iam_role_policy.host", here + "aws_iam_role_policy_attachment.this"]
    wanted += [f"module.{role}.{name}" for name in BEFORE[role]]
    wanted += [f"module.network.{name}" for name in WAYS_OUT]
    wanted += ["module.secrets.aws_secretsmanager_secret_version.mlflow", "aws_iam_policy.host"]
    assert [name for name in wanted if name not in found] == []


def reached(graph: str, start: str) -> set[str]:
    """All that a resource waits for, by the edges of `terraform graph`."""
    edges = re.findall(r'^ +"([^"]+)" -> "([^"]+)"', graph, re.MULTILINE)
    found, left = set(), [start]
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += [after for before, after in edges if before == name]
    return found


@pytest.fixture(scope="module")
def verdicts(root: terraform.Terraform) -> dict[str, list[str]]:
    return terraform.verdicts(root.tests(PARTS))


@pytest.mark.slow("Terraform plans the AWS root for each of its own tests", minutes=1.5)
@pytest.mark.parametrize("file", PARTS, ids=lambda f: f.name.removesuffix(".tftest.hcl"))
def test_terraforms_own_tests_pass(file: Path, verdicts: dict[str, list[str]]) -> None:
    wanted = [f"{name}: pass" for name, _ in terraform.blocks(file, "run")]
    assert verdicts[file.name] == wanted, "\n".join(verdicts["said"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_the_four_files(folder: str) -> None:
    names = {file.name for file in (ROOT / folder).glob("*.tf")}
    assert {"main.tf", "variables.tf", "outputs.tf", "versions.tf"} <= names


@pytest.mark.parametrize("folder", FOLDERS)
def test_variables_are_typed_described_and_validated(folder: str) -> None:
    """A yes or no has nothing to validate but that it is there."""
    for name, body in terraform.blocks(ROOT / folder / "variables.tf", "variable"):
        assert body["description"].strip('"').endswith("."), name
        if body["type"] == "bool":
            assert body["nullable"] is False, name
        else:
            assert body["validation"], name


@pytest.mark.parametrize("folder", FOLDERS)
def test_messages_name_the_value(folder: str) -> None:
    for name, body in terraform.blocks(ROOT / folder / "variables.tf", "variable"):
        for validation in body.get("validation", []):
            message = validation["error_message"]
            assert f"var.{name}" in message or "= []" in message, (name, message)


@pytest.mark.parametrize("folder", FOLDERS)
def test_outputs_are_described(folder: str) -> None:
    for name, body in terraform.blocks(ROOT / folder / "outputs.tf", "output"):
        assert body["description"].strip('"').endswith("."), name


def test_variables_and_outputs_are_nowhere_else() -> None:
    for file in ROOT.rglob("*.tf"):
        text = hcl2.loads(file.read_text()) if file.name not in ("versions.tf",) else {}
        assert file.name == "variables.tf" or "variable" not in text, file
        assert file.name == "outputs.tf" or "output" not in text, file


@pytest.mark.parametrize("folder", terraform.MODULES)
def test_a_refusal_is_tried_for_each_validation(folder: str) -> None:
    """By as many runs that expect a variable to be refused as it has validations."""
    tried = refusals()
    for name, body in terraform.blocks(ROOT / folder / "variables.tf", "variable"):
        assert tried[folder, name] >= len(body.get("validation", [])), (folder, name)


@cache
def refusals() -> Counter[tuple[str, str]]:
    """How many runs expect that a variable is refused, by module and name."""
    found: Counter[tuple[str, str]] = Counter()
    for file in terraform.TESTS:
        for _, body in terraform.blocks(file, "run"):
            (module,) = body.get("module", [{"source": '"."'}])
            folder = module["source"].strip('"').removeprefix("./") or "."
            for failure in body.get("expect_failures", []):
                found[folder, failure.strip("${}").removeprefix("var.")] += 1
    return found


def test_resources_name_no_key_pair_and_no_user_by_password() -> None:
    for file in ROOT.rglob("*.tf"):
        kinds = {
            kind.strip('"')
            for block in hcl2.loads(file.read_text()).get("resource", [])
            for kind in block
        }
        assert not kinds & {"aws_key_pair", "aws_iam_access_key", "aws_iam_user"}, file
