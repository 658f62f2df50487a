"""Checks, before a sweep starts, that an MLflow server answers and accepts the credentials."""

import base64
import configparser
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from gensweep.errors import ServerAwayError, UserError
from gensweep.redact import redact

TIMEOUT_S = 4.0
_PROBE = "/api/2.0/mlflow/experiments/search?max_results=1"
_CURE = "start one with `gensweep up`, or set MLFLOW_TRACKING_URI"


def check_server(tracking_uri: str) -> None:
    """Raise `UserError`, within some 4 s, unless an MLflow server answers at `tracking_uri`.

    Nothing but a server will do: given a data base, MLflow would write artifacts into `./mlruns`
    of whatever folder a process works in.
    """
    shown = redact(tracking_uri)
    if urlsplit(tracking_uri).scheme not in ("http", "https"):
        raise UserError(f"the tracker {shown or 'URI (empty)'} is no server's address: {_CURE}, "
                        "as http://HOST:PORT.")  # fmt: skip
    _probe_server(tracking_uri, shown)


def _probe_server(uri: str, shown: str) -> None:
    parts = urlsplit(uri)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    try:
        request = urllib.request.Request(bare.rstrip("/") + _PROBE, headers=_auth_header(parts))
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            body = answer.read(200)
    except urllib.error.HTTPError as error:
        kind = ServerAwayError if error.code >= 500 or error.code == 429 else UserError
        raise kind(_refused(error.code, shown)) from error
    except (OSError, ValueError, HTTPException) as error:
        reason = redact(str(getattr(error, "reason", error)))
        text = f"no MLflow server answers at {shown} ({reason}): {_CURE}."
        raise ServerAwayError(text) from None
    if not body.lstrip().startswith(b"{"):
        raise UserError(f"what answers at {shown} is not MLflow: {_CURE}.")


def _refused(code: int, shown: str) -> str:
    if code in (401, 403):
        return (f"the MLflow server at {shown} refuses the credentials ({code}): set "
                "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
                "MLFLOW_TRACKING_TOKEN, or write ~/.mlflow/credentials.")  # fmt: skip
    return f"what answers at {shown} is not MLflow (status {code}): {_CURE}."


def _auth_header(parts: SplitResult) -> dict[str, str]:
    """Build the header from the credentials that MLflow's client would take, in its order.

    The address's own user comes first, then the environment's, then ~/.mlflow/credentials.
    """
    filed = _credentials_file()
    user, password = (
        os.environ.get(f"MLFLOW_TRACKING_{n}") or filed.get(f"mlflow_tracking_{n.lower()}", "")
        for n in ("USERNAME", "PASSWORD")
    )
    if parts.username:
        user, password = unquote(parts.username), unquote(parts.password or "")
    if user:
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _credentials_file() -> dict[str, str]:
    config = configparser.ConfigParser()
    config.read(Path.home() / ".mlflow" / "credentials")
    return dict(config["mlflow"]) if "mlflow" in config else {}
