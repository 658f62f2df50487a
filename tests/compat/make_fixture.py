"""Remake `stored.tar.gz`: `python tests/compat/make_fixture.py COMMIT`, by default 77a5a6d.

That commit's code runs real sweeps on a stack of its own, with this Python's libraries. One ends;
the other is interrupted by Ctrl-C, resumed, and killed.
"""

import gzip
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
TEMPORARY = re.compile(re.escape(f"{tempfile.gettempdir()}/tmp").encode() + rb"\w+")
CLI = "import sys; from gensweep.cli import main; sys.exit(main())"
WAIT = """
import sys, time
from gensweep.errors import UserError
from gensweep.sweep import results_of
name, ended, training = sys.argv[1], *map(int, sys.argv[2:])
while True:
    try:
        states = [trial["state"] for trial in results_of(name)["trials"]]
    except UserError:  # it has not begun
        states = []
    leased, queued = states.count("leased"), states.count("queued")
    if leased >= training and len(states) - leased - queued >= ended:
        break
    time.sleep(0.1)
"""
"""Ends once so many trials of a sweep have ended, and so many are trained."""


class Maker:
    """A folder with the code of a commit, and a stack that runs it."""

    def __init__(self, folder: Path, commit: str):
        self.folder, self.home = folder, folder / "home"
        code = ["git", "-C", str(HERE.parents[1]), "archive", commit, "platform", "models"]
        tar = subprocess.run(code, check=True, capture_output=True).stdout
        with tarfile.open(fileobj=io.BytesIO(tar)) as files:
            files.extractall(folder, filter="data")
        shutil.copy(HERE / "ring8_sweep.py", folder)
        foreign = ("AWS_", "MLFLOW_", "GENSWEEP_", "RAY_", "GIT_")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)} | {
            "GENSWEEP_HOME": str(self.home),
            "RAY_AUTH_TOKEN_PATH": str(folder / "token"),
            "PYTHONPATH": f"{folder}/platform:{folder}/models",
            "LOGNAME": "maker",
        }

    def python(self, *argv: object) -> str:
        done = subprocess.run(
            [sys.executable, *map(str, argv)], env=self.env, cwd=self.folder, check=True,
            stdout=subprocess.PIPE, text=True, timeout=1000,
        )  # fmt: skip
        return done.stdout

    def up(self) -> None:
        self.python("-c", CLI, "up", "--store", "files")
        show = "import json; from gensweep.stack import load_env; print(json.dumps(load_env()))"
        self.env |= json.loads(self.python("-c", show))

    def sweep(self, *options: str) -> None:
        self.python("ring8_sweep.py", *options)

    def end(self, name: str, how: signal.Signals, counts: tuple[int, int], *options: str) -> None:
        """Run a sweep, and send its driver a signal once so many trials ended and are trained."""
        driver = subprocess.Popen([sys.executable, "ring8_sweep.py", *options], env=self.env,
                                  cwd=self.folder)  # fmt: skip
        self.python("-c", WAIT, name, *counts)
        driver.send_signal(how)
        driver.wait()

    def results(self, name: str) -> bytes:
        return self.python("-c", CLI, "results", name, "--json").encode()

    def keep(self, to: Path) -> None:
        """Copy what the tests need of the home folder; the data are made again from nothing."""
        for name in ("studies", "spool", "store/sweeps"):
            copy = shutil.copytree if (self.home / name).is_dir() else shutil.copyfile
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            copy(self.home / name, to / name)
        for report in [*to.rglob("report.html"), *to.rglob("trials.json")]:
            report.unlink()
        for models in (self.home / "store/mlflow").glob("*/models"):
            shutil.copytree(models, to / models.relative_to(self.home))
        with sqlite3.connect(self.home / "mlflow.db") as tracker:
            (to / "mlflow.sql").write_text("\n".join(tracker.iterdump()))


def make(maker: Maker, stored: Path) -> None:
    expected = stored / "expected"
    expected.mkdir(parents=True)
    maker.sweep("--name", "finished")
    maker.end("interrupted", signal.SIGINT, (2, 2), "--name", "interrupted")
    maker.end("interrupted", signal.SIGKILL, (2, 1), "--resume", "interrupted", "--packs", "1")
    time.sleep(10)  # until Ray has ended the pack
    for name in ("finished", "interrupted"):
        (expected / f"{name}.json").write_bytes(maker.results(name))
    check(json.loads((expected / "interrupted.json").read_bytes())["trials"])
    (expected / "list.json").write_text(maker.python("-c", CLI, "list", "--json"))
    maker.python(HERE / "draw_samples.py", "models:/gan-ring8@finished", expected / "samples.npy")
    maker.keep(stored / "home")
    maker.sweep("--resume", "finished", "--packs", "1", "--trials", "8")
    (expected / "extended.json").write_bytes(maker.results("finished"))
    maker.sweep("--resume", "interrupted", "--packs", "1")
    (expected / "resumed.json").write_bytes(maker.results("interrupted"))


def check(trials: list[dict[str, Any]]) -> None:
    """Some trials have ended, some have a checkpoint, and some are still to begin."""
    begun = [(t["images"], t["attempts"]) for t in trials if t["state"] in ("leased", "queued")]
    assert len(begun) < len(trials) < 6, f"it was interrupted too late: {trials}"
    assert any(images > 0 for images, _ in begun), f"it was interrupted too early: {trials}"
    assert any(attempts > 1 for _, attempts in begun), f"none was resumed: {trials}"


def pack(stored: Path, to: Path) -> None:
    """A tar of the same bytes for the same files, without owners, times and paths of a machine.

    A path becomes another of its length: the queue for the tracker counts bytes.
    """
    with gzip.GzipFile(to, "wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for file in sorted(f for f in stored.rglob("*") if f.is_file()):
            data = TEMPORARY.sub(lambda m: b"/stored".ljust(len(m[0]), b"-"), file.read_bytes())
            info = tarfile.TarInfo(file.relative_to(stored).as_posix())
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def main(commit: str = "77a5a6d") -> None:
    with tempfile.TemporaryDirectory() as folder:
        maker, stored = Maker(Path(folder), commit), Path(folder) / "stored"
        try:
            maker.up()
            make(maker, stored)
        finally:
            maker.python("-c", CLI, "down")
        pack(stored, HERE / "stored.tar.gz")


if __name__ == "__main__":
    main(*sys.argv[1:])
