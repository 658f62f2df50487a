"""The job that the tests of a whole sweep share: `sweeps/gan_stability.py` on a stack."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NAME = "end-to-end"
OPTIONS = ["--trials", "10", "--budget-images", "64000", "--width", "2", "--name", NAME]


def submit(stack: Any, *options: str) -> str:
    """Submit the script to the stack's Ray cluster, and return what the job prints."""
    ray = Path(sys.executable).with_name("ray")
    done = subprocess.run(
        [str(ray), "job", "submit", "--working-dir", str(working_folder(stack)), "--", "python",
         "sweeps/gan_stability.py", *options],
        env=stack.env, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def working_folder(stack: Any) -> Path:
    """The checkout's code as a working directory that is uploaded, beside the installed one."""
    folder = Path(stack.home) / "upload"
    for name in ("sweeps", "platform", "models"):
        if not (folder / name).exists():
            shutil.copytree(ROOT / name, folder / name)
    return folder
