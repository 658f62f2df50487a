"""What the README of infra/ names is there: commands, files, variables, outputs; and it adds up."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
INFRA = ROOT / "infra"
TEXT = (INFRA / "README.md").read_text()
COMMANDS = [line.strip() for line in TEXT.splitlines() if line.startswith("    ")]
QUOTED = re.findall(r"`([^`\n]+)`", TEXT)
KNOWN = ("make ", "terraform ", "cd ", "cp ", "ask() ", "until ", "export ", "ray job ", "aws ",
         "docker ", "helm ", "kubectl ", "dnf ", "mkdir ",
         "TMPDIR=/var/tmp /opt/gensweep/venv/")  # fmt: skip
MINIMAL = INFRA / "aws" / "examples" / "minimal"


def declared(folder: Path, kind: str) -> set[str]:
    """Names of the variables or outputs of a Terraform module."""
    text = "".join(file.read_text() for file in folder.glob("*.tf"))
    return set(re.findall(rf'^{kind} "(\w+)"', text, re.MULTILINE))


VARIABLES = declared(INFRA / "aws", "variable") | declared(INFRA / "onprem", "variable")
OUTPUTS = declared(INFRA / "aws", "output") | declared(INFRA / "onprem", "output")
PLAIN = {"apply", "destroy", "jq", "minimal", "production", "state"}
"""Words in the text that are programs, commands or folders, and neither variable nor output."""
MANIFESTS = [document for file in (INFRA / "kuberay").glob("*.yaml")
             for document in yaml.safe_load_all(file.read_text())]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_of_a_known_kind_and_is_bash(command: str) -> None:
    assert command.startswith(KNOWN)
    done = subprocess.run(["bash", "-n", "-c", command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def named(pattern: str) -> list[str]:
    """What the commands name, by the group of the pattern."""
    return sorted({name for command in COMMANDS for name in re.findall(pattern, command)})


@pytest.mark.parametrize("target", named(r"\bmake (\w+)"))
def test_make_targets_exist(target: str) -> None:
    subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@pytest.mark.parametrize(
    "path", named(r"(?:-f |-k |-chdir=|cd |python )(infra/[\w./-]+|sweeps/[\w.]+)")
)
def test_files_and_folders_of_commands_exist(path: str) -> None:
    assert (ROOT / path).exists()


def test_the_files_of_the_minimal_example_are_where_the_commands_look() -> None:
    assert (MINIMAL / "backend.hcl.example").exists()
    assert "bucket" in declared(MINIMAL.parent / "state", "output")
    assert 'backend "s3"' in (MINIMAL / "versions.tf").read_text()


@pytest.mark.parametrize("name", named(r"ask (\w+)"))
def test_outputs_that_commands_ask_for_exist(name: str) -> None:
    assert name in declared(INFRA / "aws", "output")
    assert "gensweep" in declared(MINIMAL, "output")


@pytest.mark.parametrize("name", named(r"-var (\w+)="))
def test_variables_that_commands_set_exist(name: str) -> None:
    assert name in declared(MINIMAL, "variable")


@pytest.mark.parametrize("name", named(r"output -(?:raw|json) (head|workers)"))
def test_outputs_for_own_hosts_exist(name: str) -> None:
    assert name in declared(INFRA / "onprem", "output")


def words() -> list[str]:
    """What stands in the text like the name of a variable or an output."""
    stems = {re.split(r" ?= ?", word)[0] for word in QUOTED}
    return sorted(stem for stem in stems if re.fullmatch(r"[a-z]+(_[a-z]+)*", stem))


@pytest.mark.parametrize("word", words())
def test_variables_and_outputs_in_the_text_exist(word: str) -> None:
    known = VARIABLES | OUTPUTS | PLAIN
    assert word in known or any(f"{word} " in block for block in object_fields())


def object_fields() -> list[str]:
    """Lines of fields within the objects that variables are."""
    text = (INFRA / "aws" / "variables.tf").read_text()
    return re.findall(r"^ {4,}(\w+ +=)", text, re.MULTILINE)


@pytest.mark.parametrize("path", sorted({w for w in QUOTED if re.match(r"(infra|platform)/", w)}))
def test_paths_in_the_text_exist(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#]+)\)", TEXT))
def test_links_lead_somewhere(target: str) -> None:
    assert (INFRA / target).exists()


def test_secrets_and_claims_of_kubernetes_are_those_of_the_manifests() -> None:
    text = str(MANIFESTS)
    for name in named(r"create secret generic ([\w-]+)"):
        assert f"'{name}'" in text
    assert "gensweep-home" in [d["metadata"]["name"] for d in MANIFESTS if "metadata" in d]
    keys = named(r"--from-literal=(\w+)=")
    told = (INFRA / "kuberay" / "config.yaml").read_text() + "auth_token"
    assert [key for key in keys if key not in told] == []
    image = next(re.finditer(r"-t (\S+) \.", "\n".join(COMMANDS)))[1]
    assert f"'image': '{image}'" in text


def test_the_benchmark_and_the_job_are_real_scripts() -> None:
    scripts = re.findall(r"python ((?:tests|sweeps)/\S+\.py)", TEXT)
    assert len(scripts) >= 2
    for script in scripts:
        done = subprocess.run([sys.executable, "-m", "py_compile", str(ROOT / script)], check=False)
        assert done.returncode == 0


def amount(cell: str) -> float:
    return float(cell.strip("* "))


def test_the_tables_of_cost_add_up() -> None:
    rows = [[c.strip() for c in r.strip("|").split("|")] for r in TEXT.splitlines() if r[:1] == "|"]
    priced = [r for r in rows if len(r) == 4 and re.fullmatch(r"\**[\d.]+\**", r[3])]
    assert len(priced) > 12
    total = 0.0
    for _, price, times, cost in priced:
        if not price:
            assert amount(cost) == pytest.approx(total, abs=0.011)
            total = 0.0
            continue
        assert float(price) * float(times) == pytest.approx(amount(cost), abs=0.006)
        total += amount(cost)
    assert total == 0.0


def test_the_example_is_what_the_table_of_cost_says() -> None:
    root = (INFRA / "aws" / "variables.tf").read_text()
    for told in ("m7i.large", "t3.medium"):
        assert f'"{told}")' in root
        assert told in TEXT
    assert "volume_gb     = optional(number, 50)" in root
    assert "volume_gb     = optional(number, 20)" in root
    assert "g6.xlarge" in (MINIMAL / "main.tf").read_text()


def test_the_picture_is_whole_and_says_what_it_shows() -> None:
    picture = ElementTree.parse(INFRA / "architecture.svg").getroot()
    texts = " ".join(e.text or "" for e in picture.iter("{http://www.w3.org/2000/svg}text"))
    for part in ("Head", "GPU workers", "Tracking", "EC2 Fleet", "SQS", "S3", "Secrets", "Budget"):
        assert part in texts
