"""Bad input gives one clear line and exit status 2, and leaves nothing behind."""

import os
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "sweeps" / "gan_stability.py"

CASES: dict[str, tuple[list[str], dict[str, str], str]] = {
    "unknown data": (["--data", "mnits"], {}, "mnits"),
    "data folder missing": (["--data", "mnist=/nowhere/at/all"], {}, "/nowhere/at/all"),
    "no trials": (["--trials", "0"], {}, "trials"),
    "negative trials": (["--trials", "-3"], {}, "trials=-3"),
    "no budget": (["--budget-images", "0"], {}, "budget_images"),
    "no repeats": (["--repeats", "0"], {}, "repeats"),
    "no width": (["--width", "0"], {}, "width"),
    "no samples": (["--samples", "0"], {}, "samples"),
    "no time": (["--max-hours", "0"], {}, "max_hours"),
    "negative time": (["--max-hours", "-1"], {}, "max_hours"),
    "no money": (["--max-cost", "0"], {}, "max_cost"),
    "a price of nothing": (["--hourly-price", "0"], {}, "hourly_price"),
    "no images at all": (["--max-images", "0"], {}, "max_images=0"),
    "no number of hours": (["--max-hours", "nan"], {}, "max_hours=nan"),
    "fewer trials than objectives": (["--trials", "3"], {}, "use at least 5"),
    "trials that repeats do not divide": (["--repeats", "3"], {}, "use 48 or 51"),
    "less than a batch": (["--budget-images", "63"], {}, "budget_images=63"),
    "samples that are all neighbours": (["--samples", "5"], {}, "samples=5"),
    "more packs than GPUs": (["--gpus", "2", "--packs", "3"], {}, "--gpus 2"),
    "a cluster that is not there": (
        ["--preset", "cluster"], {"RAY_ADDRESS": "127.0.0.1:9"}, "RAY_ADDRESS",
    ),
    "a size that digits do not have": (["--image-size", "16"], {}, "--image-size"),
    "a column of no table": (["--column", "face", "--data", "."], {}, "Parquet"),
    "a download of what is built in": (["--download", "http://127.0.0.1:9"], {}, "--data digits"),
    "a ledger in a file": ([], {"GENSWEEP_LEDGER": "/dev/null/x"}, "GENSWEEP_LEDGER"),
    "a ledger of no known kind": ([], {"GENSWEEP_LEDGER": "gopher://x"}, "gopher"),
    "a data base that does not answer": (
        ["--wait", "0"], {"GENSWEEP_LEDGER": "postgresql://a:b@127.0.0.1:9/x"}, "127.0.0.1:9",
    ),
    "resuming in no ledger": (
        ["--resume", "x"], {"GENSWEEP_LEDGER": "/dev/null/x"}, "GENSWEEP_LEDGER",
    ),
    "negative GPUs": (["--gpus", "-1"], {}, "gpus"),
    "less than no time to wait": (["--wait", "-1"], {}, "--wait -1"),
    "no packs": (["--packs", "0"], {}, "packs=0"),
    "no ranks": (["--ranks", "0"], {}, "ranks=0"),
    "a name with a slash": (["--name", "a/b"], {}, "a/b"),
    "a name that climbs": (["--name", "..x"], {}, "..x"),
    "a name too long": (["--name", "x" * 81], {}, "80"),
    "two names": (["--name", "a", "--resume", "b"], {}, "--resume b"),
    "resuming the unknown": (["--resume", "never-was"], {}, "never-was"),
    "no store": ([], {"GENSWEEP_STORE": ""}, "GENSWEEP_STORE"),
    "unknown scheme": ([], {"GENSWEEP_STORE": "gopher://x"}, "gopher"),
    "store in a file": ([], {"GENSWEEP_STORE": "file:///dev/null/store"}, "/dev/null"),
    "store does not answer": (
        ["--wait", "0"], {"GENSWEEP_STORE": "s3://bucket", "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
             "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "127.0.0.1:9",
    ),
    "no tracker": ([], {"MLFLOW_TRACKING_URI": ""}, "MLFLOW_TRACKING_URI"),
    "tracker does not answer": (
        ["--wait", "1"], {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}, "127.0.0.1:9",
    ),
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".gensweep").mkdir()
    (tmp_path / "photo.png").write_bytes(b"never read")
    return tmp_path


@pytest.mark.parametrize("case", CASES)
def test_one_line_names_the_value(case: str, home: Path, scripts: Any) -> None:
    argv, changes, named = CASES[case]
    env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "RAY_"))}
    env |= {"GENSWEEP_HOME": str(home / ".gensweep"), "GENSWEEP_STORE": f"file://{home}/store",
            "MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}  # fmt: skip
    before = sorted(p.name for p in home.rglob("*"))
    done = scripts.run(SCRIPT, argv, env=env | changes, cwd=home)
    errors = [line for line in done.stderr.splitlines() if line.strip()]
    assert done.returncode == 2, done.stderr[-2000:]
    assert len(errors) == 1, errors
    assert re.match(r"error: .+", errors[0])
    assert named in errors[0]
    left = sorted(p.name for p in home.rglob("*"))
    assert [n for n in left if n not in before and n != "store"] == []
