"""What each MLflow server of ours has: its database up to date, and nothing that runs code."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

SERVER_SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}
_SQLITE = "sqlite:///"


def upgrade_database(uri: str, environ: Mapping[str, str] | None = None) -> str:
    """Bring the database at `uri` to MLflow's schema; why that failed, empty if it did not.

    Two servers that start at once would race in this. A new SQLite file appears when it is
    whole, for MLflow cannot go on with half a schema; it gets a write-ahead log, so that readers
    do not wait for the writer.
    """
    if not uri.startswith(_SQLITE):
        return _upgrade(uri, environ)
    file = Path(uri.removeprefix(_SQLITE))
    if file.exists():
        return _upgrade(uri, environ)
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    if reason := _upgrade(f"{_SQLITE}{draft}", environ):
        return reason
    connection = sqlite3.connect(draft)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    draft.replace(file)
    return ""


def _upgrade(uri: str, environ: Mapping[str, str] | None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", uri],
        env=dict(os.environ if environ is None else environ),
        capture_output=True,
        text=True,
        check=False,
    )
    return (done.stderr or f"exit status {done.returncode}") if done.returncode else ""
