"""Prepares MLflow servers: the database's schema, and settings under which no code is run."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from gensweep.files import replacing

SERVER_SETTINGS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
}
_SQLITE = "sqlite:///"


def upgrade_database(uri: str, environ: Mapping[str, str] | None = None) -> None:
    """Bring the database at `uri` to MLflow's schema.

    Two servers that start at once would race in this. A new SQLite file appears when it is
    whole, for MLflow cannot go on with half a schema; it gets a write-ahead log, so that readers
    do not wait for the writer. Raises `subprocess.CalledProcessError` with MLflow's `stderr`.
    """
    if not uri.startswith(_SQLITE):
        _upgrade(uri, environ)
        return
    file = Path(uri.removeprefix(_SQLITE))
    if file.exists():
        _upgrade(uri, environ)
        return
    with replacing(file) as draft:
        _upgrade(f"{_SQLITE}{draft}", environ)
        connection = sqlite3.connect(draft)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()


def _upgrade(uri: str, environ: Mapping[str, str] | None) -> None:
    subprocess.run(
        [sys.executable, "-m", "mlflow", "db", "upgrade", uri],
        env=dict(os.environ if environ is None else environ),
        capture_output=True,
        text=True,
        check=True,
    )
