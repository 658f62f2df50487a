"""Tells what runs, where, and where the credentials are; never a secret."""

from typing import Any

from gensweep.home import Home, find_home
from gensweep.stack import _services
from gensweep.stack._process import is_alive, marked

PORT_OF = {"ray": "dashboard"}
NO_ADDRESS = "- (no port)"
"""What a table has in the place of the address of a service that listens nowhere."""


def status(home: Home | None = None) -> dict[str, Any]:
    """Collect each service's address, process ids, health and log, and the credentials' paths."""
    home = home or find_home()
    state = home.load()
    services = {}
    if "services" in state:
        services = {n: _service(home, state, n) for n in _services.names(state["store"])}
    return {
        "home": str(home.path),
        "store": state.get("store"),
        "healthy": bool(services) and all(s["healthy"] for s in services.values()),
        "services": services,
        "credentials": {"env": str(home.env_file), "ray_token": state.get("token_file")},
    }


def _service(home: Home, state: dict[str, Any], name: str) -> dict[str, Any]:
    record = state["services"].get(name)
    port = state["ports"].get(PORT_OF.get(name, name))
    return {
        "address": f"http://127.0.0.1:{port}" if port else "",
        "pids": sorted(p.pid for p in marked(f"{state['id']}/{name}")),
        "healthy": is_alive(record) and _services.answers(state, name),
        "log": str(home.log(name)),
    }
