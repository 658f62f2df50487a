"""Checks what is missing or misconfigured, and says it in words."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.version import Version

from gensweep.errors import UserError
from gensweep.home import Home, find_home
from gensweep.stack._env import token_file
from gensweep.stack._services import http_status
from gensweep.stack._swift import keeps_xattrs
from gensweep.stack_env import apply_env

FLOORS = {"torch": (2, 11), "ray": (2, 60), "optuna": (5, 0), "mlflow": (3, 10)}


@dataclass(frozen=True)
class Check:
    """One finding about this machine or its settings; `cure` is empty where `ok`."""

    check: str
    ok: bool
    detail: str
    cure: str = ""


def doctor(home: Home | None = None, environ: Mapping[str, str] | None = None) -> list[Check]:
    """Run all checks, in the environment that a script started with `environ` would work in.

    Not thread-safe: meanwhile that is the process's own environment, for the store's and the
    tracker's clients read theirs from there.
    """
    home = home or find_home()
    env = dict(os.environ if environ is None else environ)
    apply_env(home, env)
    checks: list[Callable[[], Check]] = [
        _python,
        *(lambda name=name: _package(name) for name in FLOORS),
        _stdlib_platform,
        lambda: _dashboard(env),
        lambda: _store(env),
        lambda: _tracker(env),
        lambda: _disk(home),
        _shared_memory,
        lambda: _xattrs(home, env),
        lambda: _data(env),
    ]
    with _environment(env):
        return [check() for check in checks]


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    try:
        _become(env)
        yield
    finally:
        _become(before)


def _become(env: Mapping[str, str]) -> None:
    for name in [name for name in os.environ if name not in env]:
        del os.environ[name]
    os.environ.update(env)


def _python() -> Check:
    found = ".".join(map(str, sys.version_info[:3]))
    ok = (3, 11) <= sys.version_info[:2] < (3, 14)
    return Check("python", ok, found, "" if ok else "Use Python 3.11, 3.12 or 3.13.")


def _package(name: str) -> Check:
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(name, False, "not installed", "Run `make install`.")
    release = Version(found).release[:2]
    ok = release >= FLOORS[name] and not (name == "mlflow" and found == "3.18.0")
    return Check(name, ok, found, "" if ok else "Run `make install`: it pins what works together.")


def _stdlib_platform() -> Check:
    spec = importlib.util.find_spec("platform")
    origin = str(spec.origin if spec else None)
    ok = origin == "frozen" or Path(origin).name == "platform.py"
    return Check("platform module", ok, origin, "" if ok else f"Delete {origin}.")


def _dashboard(env: Mapping[str, str]) -> Check:
    url = env.get("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:8265")
    file = Path(env.get("RAY_AUTH_TOKEN_PATH") or token_file())
    token = env.get("RAY_AUTH_TOKEN") or (file.read_text().strip() if file.is_file() else "")
    # Without the token first: a dashboard that takes jobs from anybody is worse than none.
    bare = http_status(f"{url}/api/jobs/")
    if bare is None:
        return Check("ray dashboard", False, f"{url}: no answer", "Run `gensweep up`.")
    if bare == 200:
        cure = "Start Ray with RAY_AUTH_MODE=token."
        return Check("ray dashboard", False, f"{url} accepts jobs from anybody", cure)
    status = http_status(f"{url}/api/jobs/", {"Authorization": f"Bearer {token}"})
    ok = status == 200
    # A cluster of somebody else may have taken the port: nobody has its token then.
    yours = f"If that cluster is yours, put its token into {file}"
    cure = "" if ok else f"{yours}; if not, run `gensweep up`, which takes free ports."
    return Check("ray dashboard", ok, f"{url}: {status} with the token", cure)


def _store(env: Mapping[str, str]) -> Check:
    from gensweep.storage import open_store

    uri = env.get("GENSWEEP_STORE", "")
    if not uri:
        cure = "Run `gensweep up` or set GENSWEEP_STORE=s3://BUCKET."
        return Check("object store", False, "GENSWEEP_STORE is not set", cure)
    return _as_scripts_do("object store", uri, lambda: open_store(uri).check())


def _tracker(env: Mapping[str, str]) -> Check:
    from gensweep.tracking import check_server

    uri = env.get("MLFLOW_TRACKING_URI", "")
    if not uri:
        cure = "Run `gensweep up` or set MLFLOW_TRACKING_URI."
        return Check("tracker", False, "MLFLOW_TRACKING_URI is not set", cure)
    return _as_scripts_do("tracker", uri, lambda: check_server(uri))


def _as_scripts_do(name: str, uri: str, check: Callable[[], None]) -> Check:
    """Run a check that a script makes before it starts; its error's last part is the cure."""
    from gensweep.redact import redact

    try:
        check()
    except UserError as error:
        detail, _, cure = str(error).rpartition(": ")
        return Check(name, False, detail or redact(uri), cure[:1].upper() + cure[1:])
    return Check(name, True, redact(uri))


def _disk(home: Home) -> Check:
    free = shutil.disk_usage(home.project).free / 2**30
    ok = free >= 5
    return Check("disk", ok, f"{free:.1f} GiB free", "" if ok else "Free at least 5 GiB.")


def _shared_memory() -> Check:
    folder = Path("/dev/shm")
    free = shutil.disk_usage(folder).free / 2**30 if folder.is_dir() else 0.0
    ok = free >= 0.25
    return Check("/dev/shm", ok, f"{free:.2f} GiB free", "" if ok else "Give it 256 MiB or more.")


def _xattrs(home: Home, env: Mapping[str, str]) -> Check:
    folder = home.path if home.path.is_dir() else home.project
    ok = not env.get("GENSWEEP_STORE", "s3").startswith("s3") or keeps_xattrs(folder)
    cure = "" if ok else "Use `gensweep up --store files`."
    return Check("extended attributes", ok, str(folder), cure)


def _data(env: Mapping[str, str]) -> Check:
    folder = env.get("GENSWEEP_DATA")
    if not folder:
        return Check("data", True, "GENSWEEP_DATA is not set; digits, ring8, grid25 need none")
    ok = Path(folder).is_dir()
    return Check("data", ok, folder, "" if ok else "Point GENSWEEP_DATA at a folder that exists.")
