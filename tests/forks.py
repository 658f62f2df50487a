"""Runs scripts as `python SCRIPT` would, each in a fork of one process that has the imports.

A script of a sweep imports torch, MLflow and Ray, which takes three seconds; a fork has them.
"""

import atexit
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

IMPORTS = ("gensweep.sweep", "gensweep.sweep._plan", "boto3", "mlflow", "optuna", "ray")


class Forks:
    """The process, and its answers.

    Ray reads its environment when it is imported: scripts that join a cluster need forks of a
    process that was started in that cluster's environment.
    """

    def __init__(self, env: dict[str, str]):
        self._process = subprocess.Popen(
            [sys.executable, __file__], env=env, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )  # fmt: skip

    def run(self, script: Path, argv: list[str], *, env: dict[str, str],
            cwd: Path) -> "subprocess.CompletedProcess[str]":  # fmt: skip
        """As `subprocess.run` with text captured."""
        asked = {"argv": [str(script), *argv], "env": env, "cwd": str(cwd)}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(asked), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        return subprocess.CompletedProcess(asked["argv"], **answer)

    def close(self) -> None:
        self._process.communicate(timeout=60)


def serve() -> None:
    """A line of JSON for each script; the answer is its exit status and what it wrote."""
    for name in IMPORTS:
        __import__(name)
    answers = os.dup(1)
    for line in sys.stdin:
        outs = {"stdout": os.memfd_create("stdout"), "stderr": os.memfd_create("stderr")}
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line), *outs.values())
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        answer: dict[str, Any] = {"returncode": status}
        for name, file in outs.items():
            answer[name] = os.pread(file, os.fstat(file).st_size, 0).decode()
            os.close(file)
        os.write(answers, json.dumps(answer).encode() + b"\n")


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
    """Run it; the exit status that Python would have."""
    code: Any = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        code = _uncaught(error, script)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code if isinstance(code, int) else int(bool(code))


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
