"""Runs scripts as `python SCRIPT` would, each in a fork of one process that has the imports.

A script of a sweep imports torch, MLflow, Ray and the models, which takes seconds; a fork has
them.
"""

import atexit
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

IMPORTS = (
    "gensweep.sweep", "gensweep.planning", "gensweep.driver", "gensweep.data",
    "gensweep.tracking", "gensweep_models.catalog", "boto3", "mlflow", "optuna", "ray",
)  # fmt: skip
LONGEST_S = 600.0


class Forks:
    """The process, and its answers.

    Ray reads its environment when it is imported: scripts that join a cluster need forks of a
    process that was started in that cluster's environment.
    """

    def __init__(self, env: dict[str, str]):
        self._env = env
        self._process: subprocess.Popen[str] | None = None

    def run(self, script: Path, argv: list[str], *, env: dict[str, str],
            cwd: Path) -> "subprocess.CompletedProcess[str]":  # fmt: skip
        """As `subprocess.run` with text captured; `TimeoutExpired` after `LONGEST_S`."""
        asked = {"argv": [str(script), *argv], "env": env, "cwd": str(cwd)}
        try:
            return subprocess.CompletedProcess(asked["argv"], **self._ask(asked))
        except BaseException:  # what the process says next would answer another question
            self.close()
            raise

    def _ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        process = self._process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        print(json.dumps(asked), file=process.stdin, flush=True)
        if not select.select([process.stdout], [], [], LONGEST_S)[0]:
            raise subprocess.TimeoutExpired(asked["argv"], LONGEST_S)
        answer: dict[str, Any] = json.loads(process.stdout.readline() or '"the process died"')
        return answer

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, __file__], env=self._env, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        """End the process, and a script that runs in it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def serve() -> None:
    """A line of JSON for each script; the answer is its exit status and what it wrote."""
    said = _imported()
    answers = os.dup(1)
    for line in sys.stdin:
        outs = {"stdout": os.memfd_create("stdout"), "stderr": os.memfd_create("stderr")}
        os.write(outs["stderr"], said)
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line), *outs.values())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        answer: dict[str, Any] = {"returncode": status}
        for name, file in outs.items():
            answer[name] = os.pread(file, os.fstat(file).st_size, 0).decode()
            os.close(file)
        os.write(answers, json.dumps(answer).encode() + b"\n")


def _imported() -> bytes:
    """What the imports of a script write to its standard error."""
    kept, file = os.dup(2), os.memfd_create("imports")
    os.dup2(file, 2)
    for name in IMPORTS:
        __import__(name)
    sys.stderr.flush()
    os.dup2(kept, 2)
    return os.pread(file, os.fstat(file).st_size, 0)


def _become(asked: dict[str, Any], stdout: int, stderr: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.chdir(asked["cwd"])
    sys.argv = asked["argv"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    os._exit(_status(sys.argv[0]))


def _status(script: str) -> int:
    """Run it as Python does, to the end of its threads; its exit status."""
    code: Any = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        code = _uncaught(error, script)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _uncaught(error: BaseException, script: str) -> Any:
    """What Python does at the end of a script, whose frames are the first."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    try:
        sys.excepthook(type(error), error, trace)
    except SystemExit as end:
        return end.code
    return 1


if __name__ == "__main__":
    serve()
