"""Writes the environment that points a process at the stack; `gensweep.stack_env` reads it."""

import os
import shlex
from pathlib import Path
from typing import Any

from gensweep.files import write_atomically
from gensweep.home import Home


def token_file() -> Path:
    """The file in which Ray's client looks for its token."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    return Path(path) if path else Path.home() / ".ray" / "auth_token"


def ray_folder(state: dict[str, Any]) -> str:
    """Name the stack's own folder for Ray, so that jobs join it, not the machine's latest cluster.

    Short, for a socket's path has at most 107 characters.
    """
    return f"/tmp/gensweep-{state['id'][:8]}"


def variables(home: Home, state: dict[str, Any]) -> dict[str, str]:
    """The environment by which programs find the stack; it holds the S3 key, so never print it."""
    ports = state["ports"]
    found = {
        "GENSWEEP_HOME": str(home.path),
        "MLFLOW_TRACKING_URI": f"http://127.0.0.1:{ports['mlflow']}",
        "RAY_ADDRESS": f"127.0.0.1:{ports['gcs']}",
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{ports['dashboard']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": state["token_file"],
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_TMPDIR": ray_folder(state),
        "RAY_JOB_STOP_WAIT_TIME_S": "60",  # a stopped sweep saves its lanes first
        # off, as on a Mac: Ray then takes 127.0.0.1 for its address, and listens nowhere else
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }
    if state["store"] == "files":
        return found | {"GENSWEEP_STORE": f"file://{home.path / 'store'}"}
    return found | {
        "GENSWEEP_STORE": "s3://gensweep",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{ports['swift-proxy']}",
        "AWS_ACCESS_KEY_ID": state["s3"]["user"],
        "AWS_SECRET_ACCESS_KEY": state["s3"]["key"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
    }


def write_env(home: Home, state: dict[str, Any]) -> None:
    lines = (f"export {k}={shlex.quote(v)}\n" for k, v in variables(home, state).items())
    write_atomically(home.env_file, "".join(lines))
