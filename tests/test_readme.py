"""What the README says is run."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gensweep.versions import VERSION

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()
PROSE = re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)
COMMANDS = sorted({line.strip() for line in PROSE.splitlines() if line.startswith("    ")})
SCRIPTS = [shlex.split(c) for c in COMMANDS if c.startswith("python sweeps/")]
JOBS = [shlex.split(c) for c in COMMANDS if c.startswith("ray job submit")]
MEASURED = [shlex.split(c) for c in re.findall(r"^\| `(python .*?)` \|", TEXT, re.MULTILINE)]
TOOLS = [shlex.split(c)[1:] for c in COMMANDS if c.startswith("gensweep ")]
BEHIND = ("down", "demo", "delete")
"""Commands of ours that would take from the others what they look at, or start a job of minutes."""
LOOKS = [argv for argv in TOOLS if argv[0] not in BEHIND]
LOOKING = {"--dry-run", "--help"}
SHORT = ["--trials", "5", "--budget-images", "640", "--samples", "100", "--packs", "1"]
KNOWN = (
    "python sweeps/",
    "ray job submit",
    "gensweep ",
    "make ",
    "export ",
    ". .venv/bin/",
    "ray start",
    ".venv/bin/python -m hatchling build",
    "pip install 'dist/gensweep-",
)

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow("runs every command of the README on a stack", minutes=4),
]


def run(*argv: str, env: dict[str, str] | None = None, timeout: int = 300,
        cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":  # fmt: skip
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, env=env, cwd=cwd,
                          check=False)  # fmt: skip


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def test_no_command_is_left_out() -> None:
    """Each kind of command that the README has is run or planned below."""
    assert [c for c in COMMANDS if not c.startswith(KNOWN)] == []
    assert "make test" in COMMANDS


@pytest.fixture(scope="module")
def swept(stack: Any) -> None:
    """Two sweeps of a model of the catalogue, `first` and `second`, that can be compared."""
    for name in ("first", "second"):
        argv = [sys.executable, "sweeps/vae_tradeoff.py", *SHORT, "--trials", "2", "--name", name]
        done = run(*argv, env=stack.env)
        assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]


@pytest.mark.parametrize("argv", [a for a in SCRIPTS if not LOOKING & {*a}], ids=" ".join)
def test_script_commands_sweep(argv: list[str], stack: Any, swept: Any) -> None:
    """As written, but short; one that is resumed has been swept."""
    resumed = "--resume" in argv
    few = [] if resumed else SHORT
    done = run(sys.executable, *named(argv[1:]), *few, env=stack.env)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    assert " --resume " in done.stdout


@pytest.mark.parametrize("argv", [a for a in SCRIPTS if LOOKING & {*a}], ids=" ".join)
def test_script_commands_answer(argv: list[str], stack: Any, stack_scripts: Any) -> None:
    planned = "--dry-run" in argv
    short = ["--budget-images", "3456"] if planned else []
    done = stack_scripts.run(ROOT / argv[1], [*argv[2:], *short], env=stack.env, cwd=ROOT)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    assert ("expected  " if planned else "usage:") in done.stdout


@pytest.mark.parametrize("argv", MEASURED, ids=" ".join)
def test_commands_whose_results_are_told_are_planned(
    argv: list[str], stack: Any, stack_scripts: Any
) -> None:
    """As written, but on data that are always at hand, and short enough to measure the pace."""
    here = ["--data", "digits", "--budget-images", "3456", "--dry-run"]
    done = stack_scripts.run(ROOT / argv[1], [*argv[2:], *here], env=stack.env, cwd=ROOT)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    assert re.search(r"^expected  ", done.stdout, re.M)
    why = ", as asked" if "--width" in argv else r": \S+ ms a lane and round \(.*\); \S+ MiB a lane"
    assert re.search(rf"^width     \d+ lanes{why}", done.stdout, re.M)
    assert f"{argv[argv.index('--trials') + 1]} trials" in done.stdout


@pytest.mark.parametrize("argv", [a for a in JOBS if "--working-dir" not in a], ids=" ".join)
def test_job_commands_run(argv: list[str], stack: Any) -> None:
    """As written, but short; the stack's Ray was started where the scripts are."""
    done = run(program("ray"), *argv[1:], *SHORT, env=stack.env, cwd=stack.home.parent)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "95 % interval" in done.stdout
    assert re.search(r"^next     \S*python sweeps/gan_stability.py --resume", done.stdout, re.M)


@pytest.mark.parametrize("argv", [a for a in JOBS if "--working-dir" in a], ids=" ".join)
def test_job_commands_of_a_cluster_are_planned(argv: list[str], stack: Any) -> None:
    """As written, but on CPUs: that a job in an uploaded folder trains is tested end to end."""
    bare = [a for a in argv if a not in ("--preset", "cluster")]
    short = ["--budget-images", "3456", "--dry-run"]
    done = run(program("ray"), *bare[1:], *short, env=stack.env, cwd=stack.home.parent)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert re.search("^expected  ", done.stdout, re.M)


def written(folder: Path) -> list[Path]:
    """The README's scripts: a sweep of one's own, and a model of one's own."""
    files = []
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)):
        files.append(folder / f"own{number}.py")
        files[-1].write_text(code)
    return files


def test_own_sweep_runs(stack: Any, tmp_path: Path) -> None:
    script, _ = written(tmp_path)
    done = run(sys.executable, str(script), "--trials", "2", "--budget-images", "1280",
               "--samples", "100", "--packs", "1", env=stack.env, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "test     trial" in done.stdout


def test_own_model_runs(stack: Any, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(written(tmp_path)[1].read_text())
    short = ["--packs", "1", "--budget-images", "20000"]
    done = run(sys.executable, "own.py", "--name", "own", *short, env=stack.env, cwd=tmp_path)
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "--resume own" in done.stdout


def named(argv: list[str]) -> list[str]:
    """The words of a command, with sweeps that there are."""
    return [{"NAME": "first", "OTHER": "second"}.get(word, word) for word in argv]


@pytest.mark.parametrize("argv", LOOKS, ids=" ".join)
def test_look_commands_answer(argv: list[str], stack: Any, swept: Any) -> None:
    done = stack.run(*named(argv))
    assert done.returncode == 0, done.stdout + done.stderr
    if "--json" in argv:
        assert len(json.loads(done.stdout)["trials"]) in (2, 24)  # before or after it is extended
    assert done.stdout.strip()


@pytest.mark.parametrize("argv", [a for a in TOOLS if a[0] == "delete"], ids=" ".join)
def test_delete_takes_a_sweep_out_of_the_list(argv: list[str], stack: Any, swept: Any) -> None:
    """As written, but nobody is there to answer its question."""
    assert "first" in listed(stack)
    done = stack.run(*named(argv), "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "first" not in listed(stack)


def listed(stack: Any) -> set[str]:
    """The names of all sweeps."""
    return {sweep["name"] for sweep in json.loads(stack.run("list", "--json").stdout)}


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith(". .venv")])
def test_sourced_files_lead_to_the_stack(line: str, stack: Any) -> None:
    """In a shell that knows nothing, where the checkout's environment would be."""
    venv = stack.home.parent / ".venv"
    if not venv.exists():
        venv.symlink_to(sys.prefix)
    bare = {"PATH": "/usr/bin:/bin", "HOME": str(stack.home.parent)}
    done = run("bash", "-c", f"{line} && gensweep status --json && ray status", env=bare,
               cwd=stack.home.parent)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"healthy": true' in done.stdout
    assert "Resources" in done.stdout


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith("export")])
def test_exported_names_are_read(line: str) -> None:
    """By our code, or by boto3 and Ray."""
    assert run("bash", "-c", line.replace("...", "x")).returncode == 0
    code = "".join(f.read_text() for f in (ROOT / "platform").rglob("*.py"))
    for name in re.findall(r"([A-Z_]+)=", line):
        assert name in code or name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")


@pytest.mark.parametrize("line", [c for c in COMMANDS if c.startswith("make ")])
def test_make_targets_exist(line: str) -> None:
    target, *values = shlex.split(line)[1:]
    done = run("make", "--dry-run", target, *values)
    assert done.returncode == 0
    assert all(value.partition("=")[2] in done.stdout for value in values)


def test_the_wheel_that_is_named_is_the_one_that_is_built() -> None:
    (name,) = re.findall(r"pip install 'dist/(gensweep-[^\[]+)\[embedded\]'", PROSE)
    assert name == f"gensweep-{VERSION}-py3-none-any.whl"
