"""A sweep that cannot be, written in a script, ends it in one line that names the value."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Integer, Real

RATE = Real(1e-4, 1e-2, log=True)
SWEEP = Sweep(name="x", model=CATALOG["gan"], {rest})
main("A test.", SWEEP)
"""
CASES = {
    "learning rate 0": ("space={'learning_rate': Real(0.0, 1e-2)}", "learning_rate=0.0"),
    "log of 0": ("space={'learning_rate': Real(0.0, 1e-2, log=True)}", "low=0.0"),
    "empty range": ("space={'learning_rate': Real(1e-2, 1e-2)}", "high=0.01"),
    "range upside down": ("space={'latent_size': Integer(32, 4)}", "low=32"),
    "no choices": ("space={'objective': Categorical(())}", "choices=()"),
    "no space": ("space={}", "empty"),
    "no such hyperparameter": ("space={'learning_rat': RATE}", "'learning_rat'"),
    "no such objective": ("space={'objective': Categorical(('hinge', 'hing'))}", "'hing'"),
    "critic iterations 0": ("space={'critic_iterations': Integer(0, 5)}", "critic_iterations=0"),
    "threshold 0": ("space={'truncation': Real(0.0, 2.0)}", "truncation=0.0"),
    "threshold below 0": ("space={'truncation': Real(-1.0, 2.0)}", "truncation=-1.0"),
    "latent size 0": ("space={'latent_size': Integer(0, 8)}", "latent_size=0"),
    "clip 0": ("space={'clip': Real(0.0, 0.1)}", "clip=0.0"),
    "penalty below 0": ("space={'penalty_weight': Real(-1.0, 1.0)}", "penalty_weight=-1.0"),
    "architecture by a range": ("space={'hidden': Integer(8, 64)}", "'hidden'"),
    "fixed learning rate 0": ("space={'beta1': Real(0.0, 0.9)}, fixed={'learning_rate': 0.0}",
                              "learning_rate=0.0"),
    "fixed unknown": ("space={'learning_rate': RATE}, fixed={'depth': 3}", "depth"),
    "batch size 0": ("space={'learning_rate': RATE}, fixed={'batch_size': 0}", "batch_size=0"),
    "beta of 1": ("space={'beta1': Real(0.0, 1.0)}", "beta1=1.0"),
    "no trials": ("space={'learning_rate': RATE}, trials=0", "trials=0"),
    "fixed and searched": ("space={'learning_rate': RATE}, fixed={'learning_rate': 0.1}", "0.1"),
    "by what is not searched": ("space={'learning_rate': RATE}, group_by='objective'",
                                "group_by='objective'"),
    "less than a batch": ("space={'learning_rate': RATE}, budget_images=100", "budget_images=100"),
    "no such sampler": ("space={'learning_rate': RATE}, sampler='sobol'", "'sobol'"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_line_names_the_value_and_the_line(case: str, tmp_path: Path, scripts: Any) -> None:
    rest, named = CASES[case]
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT.format(rest=rest))
    env = os.environ | {"GENSWEEP_HOME": str(tmp_path / ".gensweep")}
    done = scripts.run(script, [], env=env, cwd=tmp_path)
    assert done.returncode == 2, done.stderr[-2000:]
    (line,) = done.stderr.splitlines()
    assert re.match(r"error: mine.py, line 7: .+", line)
    assert named in line
    assert [path.name for path in tmp_path.iterdir()] == ["mine.py"]


BUGS = {
    "{}['missing']": "KeyError: 'missing'",
    "int('three')": "ValueError: invalid literal",
    "raise ValueError('my own')": "ValueError: my own",
    "sorted([Real(1, 2)], key=lambda d: int('three'))": "ValueError: invalid literal",
}


@pytest.mark.parametrize("line", BUGS)
def test_a_bug_in_a_script_keeps_its_traceback(line: str, tmp_path: Path, scripts: Any) -> None:
    script = tmp_path / "mine.py"
    script.write_text(f"import gensweep.sweep\nfrom gensweep_models.space import Real\n{line}\n")
    done = scripts.run(script, [], env=dict(os.environ), cwd=tmp_path)
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert BUGS[line] in done.stderr


def test_ctrl_c_of_a_script_that_imports_is_one_line(tmp_path: Path, scripts: Any) -> None:
    script = tmp_path / "mine.py"
    lines = ("import os, signal", "from gensweep.sweep import Sweep",
             "os.kill(os.getpid(), signal.SIGINT)")  # fmt: skip
    script.write_text("\n".join(lines))
    done = scripts.run(script, [], env=dict(os.environ), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "interrupted.\n")


INTERRUPTED = """
import importlib.abc, os, runpy, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name in ("numpy", "torch"):
            raise KeyboardInterrupt

sys.meta_path.insert(0, Finder())
for script in sys.argv[1:]:
    child = os.fork()
    if not child:
        runpy.run_path(script, run_name="__main__")
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 130, script
"""
"""Runs scripts, each of which gets Ctrl-C when it imports the first of the slow libraries."""


def test_ctrl_c_while_a_sweep_of_ours_imports_is_one_line() -> None:
    scripts = sorted((ROOT / "sweeps").glob("*.py"))
    paths = os.pathsep.join(str(ROOT / name) for name in ("platform", "models"))
    done = subprocess.run([sys.executable, "-c", INTERRUPTED, *map(str, scripts)], check=False,
                          capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": paths})  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "interrupted.\n" * len(scripts))
