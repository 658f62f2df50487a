"""Finds the ledger in which sweeps keep their trials."""

import os


def ledger_of(home: str) -> str:
    """Name the ledger: GENSWEEP_LEDGER, a path or a URL of PostgreSQL, or a file in `home`."""
    return os.environ.get("GENSWEEP_LEDGER") or f"{home}/studies"
