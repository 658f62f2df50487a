"""Starts the services of a stack that do not run, and stops all of them."""

import secrets
import shutil
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

from gensweep.errors import UserError
from gensweep.home import Home, find_home
from gensweep.stack import _services, _swift
from gensweep.stack._env import ray_folder, variables, write_env
from gensweep.stack._ports import choose_port, choosing_ports
from gensweep.stack._process import is_alive, marked, stop, wait_until

_SAVING = Lock()
RAY_PORTS = {"dashboard": 8265, "gcs": None, "ray-agent": None, "ray-client": None}
PORTS: dict[str, dict[str, int | None]] = {
    "ray": RAY_PORTS, "mlflow": {"mlflow": 5000}, "resumer": {},
}  # fmt: skip
"""Service to the ports that it prefers, by name; others listen on any one, named as they are."""


def up(home: Home | None = None, store: str | None = None) -> dict[str, Any]:
    """Start the services that do not run and answer; return the stack's state, with its secrets.

    Args:
        store: `swift` or `files`; None keeps what the checkout has (at first: `swift`).

    Raises:
        UserError: a service does not start (names its log), or the checkout has another store.
    """
    home = home or find_home()
    with home.locked():
        state = home.load()
        kept = state.setdefault("store", store or "swift")
        if store not in {None, kept}:
            raise UserError(
                f"--store {store}: this stack keeps its data in {kept}: move {home.path} away."
            )
        state.setdefault("id", secrets.token_hex(8))
        # One at a time in this checkout, by its lock; ports are chosen under the user's lock,
        # until the services listen on them.
        broken = [n for n in _services.names(kept) if not _healthy(state, n)]
        if broken:
            with choosing_ports():
                _mend(home, state, broken)
        write_env(home, state)
        return state


def down(home: Home | None = None) -> list[int]:
    """Stop every process of this stack and no other; return the ids of those that were stopped."""
    home = home or find_home()
    if not (home.path / "stack.json").exists():
        return []
    with home.locked():
        state = home.load()
        processes = marked(state["id"])
        stop(processes)
        shutil.rmtree(ray_folder(state), ignore_errors=True)
        home.save(state | {"services": {}})
        return [process.pid for process in processes]


def _healthy(state: dict[str, Any], name: str) -> bool:
    record = state.get("services", {}).get(name)
    return is_alive(record) and _services.answers(state, name)


def _mend(home: Home, state: dict[str, Any], broken: list[str]) -> None:
    """Start the broken services side by side; stop them all again if one fails."""
    for name in broken:
        stop(marked(f"{state['id']}/{name}"))
    try:
        _prepare(home, state, broken)
        with ThreadPoolExecutor(len(broken)) as pool:
            list(pool.map(lambda name: _start(home, state, name), broken))
        if state["store"] == "swift":
            _services.ensure_bucket(variables(home, state))
    except BaseException:
        for name in broken:
            stop(marked(f"{state['id']}/{name}"))
        raise


def _prepare(home: Home, state: dict[str, Any], broken: list[str]) -> None:
    for name in broken:
        for port, preferred in PORTS.get(name, {name: None}).items():
            choose_port(state, port, preferred)
    state["token_file"] = str(_services.ensure_token())
    if state["store"] == "swift":
        _swift.prepare(home, state)
    else:
        (home.path / "store" / "mlflow").mkdir(parents=True, exist_ok=True)
    home.save(state)
    write_env(home, state)


def _start(home: Home, state: dict[str, Any], name: str) -> None:
    record = _services.start(home, state, name)
    with _SAVING:
        state.setdefault("services", {})[name] = record
        home.save(state)
    wait_until(lambda: _services.answers(state, name), record, name)
