"""A fault of a pack hits a living process that was given trials."""

import os
import subprocess
import sys
from pathlib import Path

from faults.packs import training_processes
from gensweep.call_history import CallHistory


def test_the_process_that_was_given_trials_is_found_until_it_ends(tmp_path: Path) -> None:
    history = CallHistory(tmp_path, "pack")
    CallHistory(tmp_path, "coordinator").write("answered", "a", "lease", told=[1], answer=[{}])
    history.write("answered", "a", "lease", told=[2, None], answer=[])
    assert training_processes(tmp_path) == []
    history.write("answered", "a", "lease", told=[2, None], answer=[{"number": 0}])
    (found,) = training_processes(tmp_path)
    assert found.pid == os.getpid()
    (file,) = tmp_path.glob("pack-*")
    file.rename(file.with_name(f"pack-{os.getpid()}-1.jsonl"))  # before this process began
    assert training_processes(tmp_path) == []


def test_a_process_that_was_killed_trains_no_longer(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from gensweep.call_history import CallHistory;"
        "CallHistory(Path(sys.argv[1]), 'pack').write('answered', 'a', 'lease', told=[1],"
        " answer=[{'number': 0}]); print(flush=True); time.sleep(60)"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    env = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE) as pack:
        assert pack.stdout is not None
        pack.stdout.readline()
        assert [process.pid for process in training_processes(tmp_path)] == [pack.pid]
        pack.kill()
        os.waitid(os.P_PID, pack.pid, os.WEXITED | os.WNOWAIT)  # a zombie, until it is waited for
        assert training_processes(tmp_path) == []
