"""MLflow's client for one who waits at a terminal: told soon, in a line, if no server answers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gensweep.errors import UserError
from gensweep.redact import redact


@contextmanager
def impatient_client(tracking_uri: str) -> Iterator[Any]:
    """Yield a client; `UserError` if no server answers, or if it refuses what is asked."""
    import mlflow
    from mlflow.exceptions import MlflowException

    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    try:
        yield mlflow.MlflowClient(tracking_uri)
    except MlflowException as error:
        why = (redact(str(error)).splitlines() or [type(error).__name__])[0]
        raise UserError(f"MLflow at {redact(tracking_uri)} refuses ({why[:160]}): `gensweep "
                        "status` tells whether it runs.") from error  # fmt: skip
