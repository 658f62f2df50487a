"""Where sweeps keep their trials."""

import os


def ledger_of(home: str) -> str:
    """Where sweeps keep their trials: a journal in a file, or a data base."""
    return os.environ.get("GENSWEEP_LEDGER") or f"{home}/studies"
