"""Starts each service, and asks whether it answers."""

import http.client
import os
import secrets
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gensweep.errors import UserError
from gensweep.files import write_atomically
from gensweep.home import HOME_NAME, Home, project_around
from gensweep.stack import _swift
from gensweep.stack._env import token_file, variables
from gensweep.stack._process import MARK, spawn
from gensweep.tracking import SERVER_SETTINGS, upgrade_database

BIN = Path(sys.executable).parent
OBJECT_STORE_BYTES = 200 * 2**20


def names(store: str) -> tuple[str, ...]:
    """Name the services of a stack whose `store` is "swift" or "files"."""
    swift = tuple(f"swift-{name}" for name in _swift.SERVERS) if store == "swift" else ()
    return (*swift, "mlflow", "ray", "resumer")


def environment(home: Home, state: dict[str, Any], service: str) -> dict[str, str]:
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    mark = {MARK: f"{state['id']}/{service}", "PATH": path, "PYTHONUNBUFFERED": "1"}
    inherited = {k: v for k, v in os.environ.items() if k not in {"RAY_ADDRESS", "RAY_AUTH_TOKEN"}}
    return inherited | variables(home, state) | mark


def start(home: Home, state: dict[str, Any], service: str) -> dict[str, Any]:
    """Start a service and return its process's record, without waiting until it answers."""
    env = environment(home, state, service)
    if service == "mlflow":
        return _start_mlflow(home, state, env)
    if service == "ray":
        return _start_ray(home, state, env)
    if service == "resumer":
        argv = [sys.executable, "-m", "gensweep.cluster.resumer"]
        return spawn(argv, env, home.log(service), home.project)
    record: dict[str, Any] = _swift.start(home, state, service.removeprefix("swift-"), env)
    return record


def answers(state: Mapping[str, Any], service: str) -> bool:
    """Return whether the service answers its health check; one without a port has none."""
    ports = state["ports"]
    if service == "resumer":
        return True
    if service == "ray":
        return _takes_jobs(ports, Path(state["token_file"]).read_text().strip())
    if service == "mlflow":
        return http_status(f"http://127.0.0.1:{ports['mlflow']}/health") == 200
    if service == "swift-proxy":
        return http_status(f"http://127.0.0.1:{ports[service]}/healthcheck") == 200
    return http_status(f"http://127.0.0.1:{ports[service]}/recon/version") is not None


def _takes_jobs(ports: Mapping[str, int], token: str) -> bool:
    """Return whether Ray's dashboard answers, and the agent that it hands a job to."""
    head = {"Authorization": f"Bearer {token}"}
    asked = (f"{ports['dashboard']}/api/jobs/", f"{ports['ray-agent']}/api/local_raylet_healthz")
    return all(http_status(f"http://127.0.0.1:{url}", head) == 200 for url in asked)


def http_status(url: str, headers: Mapping[str, str] | None = None) -> int | None:
    """Return the status of a GET, None if nothing answers; never through a proxy."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=dict(headers or {})), timeout=5) as r:
            return int(r.status)
    except urllib.error.HTTPError as error:
        return error.code
    except (OSError, ValueError, http.client.HTTPException):
        return None


def ensure_token() -> Path:
    """Return Ray's token file; one that is missing is made, readable by its owner only."""
    file = token_file()
    if not file.exists() or not file.read_text().strip():
        write_atomically(file, secrets.token_hex(32))
    return file


def ensure_bucket(env: Mapping[str, str]) -> None:
    """Create the bucket `gensweep` unless it is there."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3",
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
        config=Config(s3={"addressing_style": "path"}, proxies={}),
    )
    if "gensweep" not in {b["Name"] for b in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket="gensweep")


def _start_mlflow(home: Home, state: dict[str, Any], env: dict[str, str]) -> dict[str, Any]:
    database = home.path / "mlflow.db"
    uri = f"sqlite:///{database}"
    env = {k: v for k, v in env.items() if k != "MLFLOW_TRACKING_URI"} | SERVER_SETTINGS
    if not database.exists():
        try:
            upgrade_database(uri, env)
        except subprocess.CalledProcessError as error:
            home.log("mlflow").write_text(error.stderr or str(error))
            raise UserError(f"mlflow db upgrade failed: see {home.log('mlflow')}.") from None
    files = state["store"] == "files"
    artifacts = f"file://{home.path / 'store' / 'mlflow'}" if files else "s3://gensweep/mlflow"
    argv = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    argv += ["--artifacts-destination", artifacts]
    argv += ["--host", "127.0.0.1", "--port", str(state["ports"]["mlflow"]), "--workers", "1"]
    return spawn(argv, env, home.log("mlflow"), home.project)


def _start_ray(home: Home, state: dict[str, Any], env: dict[str, str]) -> dict[str, Any]:
    ports = state["ports"]
    argv = [str(BIN / "ray"), "start", "--head", "--block", "--disable-usage-stats"]
    # Drivers do not show what workers write; the monitor would poll their files all the same, which
    # takes some 5 % of a core after a few sweeps.
    argv += ["--include-log-monitor=false"]
    argv += [
        "--node-ip-address=127.0.0.1",
        "--dashboard-host=127.0.0.1",
        "--include-dashboard=true",
    ]
    argv += [f"--object-store-memory={OBJECT_STORE_BYTES}", f"--port={ports['gcs']}"]
    argv += [f"--dashboard-port={ports['dashboard']}"]
    argv += [f"--dashboard-agent-listen-port={ports['ray-agent']}"]
    argv += [f"--ray-client-server-port={ports['ray-client']}"]
    return spawn(argv, env, home.log("ray"), jobs_folder(home))


def jobs_folder(home: Home) -> Path:
    """The folder in which submitted jobs run: that of the project which the home is part of.

    A home of another name is one that GENSWEEP_HOME has put elsewhere: there it is the project
    around the current folder.
    """
    return home.project if home.path.name == HOME_NAME else project_around(Path.cwd())
