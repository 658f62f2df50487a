"""Sets up and starts OpenStack Swift with its S3 API: one replica, four processes."""

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gensweep.errors import UserError
from gensweep.files import write_atomically
from gensweep.home import Home
from gensweep.stack._process import spawn

RINGS = ("account", "container", "object")
SERVERS = (*RINGS, "proxy")
PIPELINE = (
    "catch_errors gatekeeper healthcheck listing_formats etag-quoter bulk tempurl s3api "
    "tempauth copy slo dlo versioned_writes symlink proxy-server"
)
TIMEOUTS = "conn_timeout = 10\nnode_timeout = 60\ncontainer_update_timeout = 60\n"
"""How long servers wait for each other, in seconds: on a busy machine they are slow to answer.

A container that is not told of an object in time never lists it, for no updater runs here.
"""

PATIENT = "error_suppression_interval = 1\nerror_suppression_limit = 1000000\n"
"""The proxy tries a server again at once when it is back: by default it lets one that failed be for
a minute, which saves time only where there is another one."""


def keeps_xattrs(folder: Path) -> bool:
    """Return whether the file system keeps extended attributes, where Swift stores metadata."""
    probe = folder / f".xattr-{secrets.token_hex(4)}"
    probe.touch()
    try:
        os.setxattr(probe, "user.gensweep", b"1")
    except OSError:
        return False
    finally:
        probe.unlink()
    return True


def prepare(home: Home, state: dict[str, Any]) -> None:
    """Check programs and file system, choose credentials; write rings and configurations.

    Raises:
        UserError: Swift is not installed, or the file system keeps no extended attributes.
    """
    if not Path(_program("ring-builder")).is_file():
        raise UserError(
            f"Swift, the object store, is not installed beside {sys.executable}: "
            "pip install 'gensweep[embedded]', or use `--store files`."
        )
    root = home.path / "swift"
    (root / "d1").mkdir(parents=True, exist_ok=True)
    if not keeps_xattrs(root):
        raise UserError(
            f"{root} keeps no extended attributes, which Swift needs: use `--store files`."
        )
    state.setdefault("s3", {"user": "gensweep:sweeper", "key": secrets.token_urlsafe(32)})
    state.setdefault("swift_hash", secrets.token_hex(16))
    write_atomically(
        root / "swift.conf",
        f"[swift-hash]\nswift_hash_path_suffix = {state['swift_hash']}\n"
        "[storage-policy:0]\nname = single\ndefault = yes\n",
    )
    for name in RINGS:
        _ring(root, name, state["ports"][f"swift-{name}"])
        write_atomically(root / f"{name}.conf", _storage(root, name, state["ports"]))
    write_atomically(root / "proxy.conf", _proxy(root, state))


def start(home: Home, state: Mapping[str, Any], name: str, env: Mapping[str, str]) -> Any:
    conf = home.path / "swift" / f"{name}.conf"
    program = _program(f"{name}-server")
    return spawn([sys.executable, program, str(conf)], env, home.log(f"swift-{name}"), home.project)


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(f"swift-{name}"))


def _ring(root: Path, name: str, port: int) -> None:
    # A ring holds its server's port; it is built again only if another port was chosen.
    note = root / f"{name}.ring.port"
    if (root / f"{name}.ring.gz").exists() and note.read_text() == str(port):
        return
    builder = root / f"{name}.builder"
    builder.unlink(missing_ok=True)
    program = _program("ring-builder")
    steps = (
        ["create", "4", "1", "1"],
        ["add", f"r1z1-127.0.0.1:{port}/d1", "1"],
        ["rebalance"],
    )
    for step in steps:
        subprocess.run(
            [sys.executable, program, str(builder), *step], check=True, capture_output=True
        )
    note.write_text(str(port))


def _defaults(root: Path, port: int) -> str:
    return (
        f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\nuser = {_user()}\n"
        f"swift_dir = {root}\ndevices = {root}\nmount_check = false\nlog_level = WARNING\n"
        "log_address = /dev/null\nfallocate_reserve = 0\n"
    )


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def _storage(root: Path, name: str, ports: Mapping[str, int]) -> str:
    return _defaults(root, ports[f"swift-{name}"]) + (
        f"[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n"
        f"{TIMEOUTS}"
    )


def _proxy(root: Path, state: Mapping[str, Any]) -> str:
    account, user = state["s3"]["user"].split(":")
    filters = "".join(
        f"[filter:{name}]\nuse = egg:swift#{name.replace('-', '_')}\n"
        for name in PIPELINE.split()
        if name not in {"s3api", "tempauth", "proxy-server"}
    )
    return _defaults(root, state["ports"]["swift-proxy"]) + (
        f"[pipeline:main]\npipeline = {PIPELINE}\n{filters}"
        "[filter:s3api]\nuse = egg:swift#s3api\ns3_acl = true\nlocation = us-east-1\n"
        f"[filter:tempauth]\nuse = egg:swift#tempauth\n"
        f"user_{account}_{user} = {state['s3']['key']} .admin\n"
        "[app:proxy-server]\nuse = egg:swift#proxy\nallow_account_management = true\n"
        f"account_autocreate = true\n{TIMEOUTS}{PATIENT}"
    )
