"""A disk that is full for a while keeps a sweep waiting, and leaves no part of a line behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

from gensweep.study import read_sweep
from gensweep.tracking import Spool

ROOT = Path(__file__).resolve().parents[1]
# The kernel's limit on the size of a file plays the full disk: it too writes what still fits.
SCRIPT = """
import sys, threading
from pathlib import Path
from resource import RLIMIT_FSIZE, RLIM_INFINITY, setrlimit
from gensweep.coordinator._session_memory import SessionMemory
from gensweep.tracking import Spool
from study.small_study import begin

folder = Path(sys.argv[1])
ledger, spool = folder / "studies", Spool(folder / "spool", segment_bytes=400)

def full_beyond(size, file):
    def lift():
        print(file.stat().st_size if file.exists() else 0, flush=True)
        setrlimit(RLIMIT_FSIZE, (RLIM_INFINITY, RLIM_INFINITY))
    setrlimit(RLIMIT_FSIZE, (size, RLIM_INFINITY))
    threading.Timer(0.5, lift).start()

with begin(str(ledger), sampler="random") as study:
    size = ledger.stat().st_size
    print(size)
    full_beyond(size + 100, ledger)
    assert len(study.lease("a", 3)) == 3
for n in range(20):
    if n == 3:
        full_beyond(10, folder / "spool" / "000000000002.jsonl")
    spool.put({"n": n, "marks": {"mark": n}})
spool.close()
memory = SessionMemory(folder / "session.json", "word", "s")
full_beyond(10, folder / "session.json")
memory.note_opened()
"""


def test_a_full_disk_is_waited_for(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(ROOT / "tests")])},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    before, *meanwhile = map(int, done.stdout.split())
    assert meanwhile == [before, 0, 0]
    assert len(read_sweep("s", str(tmp_path / "studies")).records) == 3
    spool = Spool(tmp_path / "spool")
    assert [event["n"] for event, _ in spool.read(spool.acked, 100)] == list(range(20))
    assert spool.marks == {"mark": 19}
    assert json.loads((tmp_path / "session.json").read_text())["session"] == "word"
