"""Commands on a real terminal, which shows colours, write none: what they say is plain text."""

import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from ended_sweep import ended, point_here

ROOT = Path(__file__).parents[2]
REDRAWN = re.compile(r"\x1b\[\d+A|\x1b\[J")
"""By which `watch` draws over what it showed: the cursor goes up, and the rest is cleared."""
STATUSES = {
    "--help": 0, "report --help": 0, "list": 0, "results s": 0, "best s": 0, "compare s t": 0,
    "report s": 0, "report s --format md": 0, "export s": 0, "models": 0, "models gan": 0,
    "watch s --every 0.1": 0, "sample s --count 0": 2, "retrain s --dry-run": 2,
    "status": 1, "doctor": 1, "best nobody": 2, "list --nothing": 2, "delete s --yes": 0, "down": 0,
}  # fmt: skip
"""Command to the status that it ends with, of two sweeps without a stack."""
pytestmark = pytest.mark.slow("a process for each command", minutes=1)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    for name in ("s", "t"):
        ended(tmp_path, name)
    return tmp_path


def on_terminal(*words: str) -> tuple[int, str]:
    """The status of a command and all that it writes to a terminal of 256 colours."""
    code = "import sys; from gensweep.cli import main; sys.exit(main())"
    paths = os.pathsep.join(str(ROOT / name) for name in ("platform", "models"))
    env = os.environ | {"PYTHONPATH": paths, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    for name in ("NO_COLOR", "COLUMNS", "CI"):
        env.pop(name, None)
    here, there = pty.openpty()
    argv = [sys.executable, "-c", code, *words]
    process = subprocess.Popen(argv, env=env, stdin=there, stdout=there, stderr=there)
    os.close(there)
    said = b""
    with suppress(OSError), open(here, "rb", buffering=0) as screen:  # EIO is a terminal's end
        while part := screen.read(65536):
            said += part
    return process.wait(timeout=60), said.decode()


@pytest.mark.parametrize("words", STATUSES)
def test_no_command_writes_an_escape_sequence(words: str) -> None:
    status, said = on_terminal(*words.split())
    assert (status, bool(said)) == (STATUSES[words], True), said
    drawn = REDRAWN.findall(said)
    assert bool(drawn) == words.startswith("watch")
    assert "\x1b" not in REDRAWN.sub("", said)
