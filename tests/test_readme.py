"""What the README says is run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "README.md").read_text()
COMMANDS = sorted({line.strip() for line in TEXT.splitlines() if line.startswith("    ")})
SCRIPTS = [shlex.split(c[c.index("python sweeps/") :]) for c in COMMANDS if "python sweeps/" in c]


def run(*argv: str, env: dict[str, str] | None = None, timeout: int = 60,
        cwd: Path = ROOT) -> "subprocess.CompletedProcess[str]":  # fmt: skip
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, env=env, cwd=cwd,
                          check=False)  # fmt: skip


@pytest.mark.parametrize("argv", SCRIPTS, ids=" ".join)
@pytest.mark.slow
@pytest.mark.stack
def test_script_commands_plan(argv: list[str], stack: Any) -> None:
    if "--gpus" in argv:
        argv = argv[: argv.index("--gpus")]
    done = run(sys.executable, *argv[1:], *([] if "--help" in argv else ["--dry-run"]),
               env=stack.env, timeout=120)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert ("sweep     " in done.stdout) or ("usage:" in done.stdout)


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("gensweep ")])
def test_cli_commands_exist(command: str) -> None:
    done = run(sys.executable, "-c", "import sys; from gensweep.cli import main; sys.exit(main())",
               command.split()[1], "--help")  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("target", re.findall(r"^    make (\w+)$", TEXT, re.MULTILINE))
def test_make_targets_exist(target: str) -> None:
    assert run("make", "--dry-run", target).returncode == 0


@pytest.mark.slow
@pytest.mark.stack
@pytest.mark.timeout(400)
def test_own_model_runs(stack: Any, tmp_path: Path) -> None:
    code = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert code is not None
    script = tmp_path / "own.py"
    script.write_text(code[1])
    done = run(sys.executable, str(script), "--name", "own", env=stack.env, timeout=380,
               cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "--resume own" in done.stdout
