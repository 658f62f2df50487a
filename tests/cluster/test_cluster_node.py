"""What a host is told, and what it does with it before its services start."""

import json
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gensweep.cluster import _node_volume
from gensweep.cluster._node_logs import (
    EVENT_BYTES,
    MAX_BYTES,
    MAX_EVENTS,
    _ray_events,
    batch_events,
    journal_event,
)
from gensweep.cluster._node_ray import ray_arguments, ray_environment, wait_for_head
from gensweep.cluster._node_secrets import _acting_as, _write_owned
from gensweep.cluster._node_settings import Settings, read_settings
from gensweep.cluster._node_tracking import database_uri, set_passwords
from gensweep.cluster._node_volume import is_blank
from gensweep.errors import UserError

WORKER = {
    "GENSWEEP_ROLE": "worker",
    "GENSWEEP_CLUSTER": "lab",
    "GENSWEEP_CLOUD": "none",
    "GENSWEEP_HEAD": "192.0.2.10",
    "GENSWEEP_POOL": "own",
}


def test_settings_are_those_of_the_environment() -> None:
    settings = read_settings(WORKER | {"GENSWEEP_HEAD_LOST_S": "60", "GENSWEEP_DATA": "/srv/data"})
    assert (settings.role, settings.pool, settings.head_lost_s) == ("worker", "own", 60)
    assert settings.data == Path("/srv/data")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"GENSWEEP_ROLE": "queen"}, "GENSWEEP_ROLE must be one of head, worker, tracking, but"),
        ({"GENSWEEP_CLOUD": "gcp"}, "GENSWEEP_CLOUD must be one of aws, none, but is 'gcp'"),
        ({"GENSWEEP_HEAD_LOST_S": "soon"}, "must be a whole number, but is 'soon'"),
        ({"GENSWEEP_POOL": ""}, "GENSWEEP_POOL is empty: set it in /etc/gensweep/node.env"),
        ({"GENSWEEP_CLUSTER": ""}, "GENSWEEP_CLUSTER is empty"),
        ({"GENSWEEP_CLOUD": "aws"}, "GENSWEEP_TOKEN_SECRET is empty"),
        ({"GENSWEEP_CLOUD": "aws", "GENSWEEP_ROLE": "head"}, "GENSWEEP_MLFLOW_SECRET is empty"),
    ],
)
def test_what_is_missing_or_wrong_is_named(change: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_settings(WORKER | change)


def test_the_command_line_says_so_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gensweep.cluster.node", "ray"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2] / "platform")},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("gensweep: ray: GENSWEEP_ROLE must be one of head")


def test_a_head_has_no_room_for_tasks_and_shows_its_dashboard_to_itself() -> None:
    argv = ray_arguments(Settings(role="head", cluster="lab", cloud="none"), "192.0.2.10")
    assert {"--head", "--num-cpus=0", "--num-gpus=0", "--dashboard-host=127.0.0.1"} < set(argv)
    assert "--node-ip-address=192.0.2.10" in argv


def test_a_worker_joins_its_head_as_one_of_its_pool() -> None:
    settings = read_settings(WORKER)
    assert "--address=192.0.2.10:6379" in ray_arguments(settings, "192.0.2.11")
    assert not any("num-cpus" in word for word in ray_arguments(settings, "192.0.2.11"))
    offers = ray_arguments(
        read_settings(WORKER | {"GENSWEEP_CPUS": "4", "GENSWEEP_GPUS": "0"}), "192.0.2.11"
    )
    assert {"--num-cpus=4", "--num-gpus=0"} < set(offers)
    assert ray_environment(settings)["RAY_NODE_TYPE_NAME"] == "own"


def test_no_argument_and_no_variable_of_a_host_holds_a_secret() -> None:
    settings = Settings(
        role="head", cluster="lab", cloud="none",
        ledger_secret="arn:aws:secretsmanager:::secret:db",
    )  # fmt: skip
    assert ray_environment(settings)["PGPASSFILE"] == "/run/gensweep/pgpass"
    assert not any(
        "PASSWORD" in name or name.endswith("TOKEN") for name in ray_environment(settings)
    )


def test_a_worker_waits_for_a_head_and_then_gives_up() -> None:
    with pytest.raises(TimeoutError, match=r"no head at 127\.0\.0\.1:6379 for 0 s"):
        wait_for_head(Settings(**_own(head="127.0.0.1", head_lost_s=0)))  # type: ignore[arg-type]
    with socket.socket() as listening:
        listening.bind(("127.0.0.9", 6379))
        listening.listen()
        wait_for_head(Settings(**_own(head="127.0.0.9", head_lost_s=0)))  # type: ignore[arg-type]


def _own(**changes: object) -> dict[str, object]:
    return {"role": "worker", "cluster": "lab", "cloud": "none", "pool": "own", **changes}


def test_mlflow_keeps_a_schema_of_its_own_beside_the_ledger() -> None:
    tracking = {"role": "tracking", "cluster": "lab", "cloud": "none"}
    with_one = Settings(**tracking, database="me@db:5432/gensweep")  # type: ignore[arg-type]
    assert database_uri(with_one) == (
        "postgresql+psycopg://me@db:5432/gensweep?sslmode=verify-full"
        "&sslrootcert=/run/gensweep/database_ca.pem&options=-csearch_path%3Dmlflow"
    )
    assert database_uri(Settings(**tracking)) == "sqlite:////data/mlflow/mlflow.db"  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(4))
def test_no_batch_of_a_journal_is_more_than_cloudwatch_takes(seed: int) -> None:
    chance = random.Random(seed)
    sizes = [chance.choice([0, 10, 1000, 90_000, 300_000]) for _ in range(400)] + [1] * 12_000
    found = list(batch_events(map(journal_event, journal(sizes))))
    assert sum(map(len, found)) == len(sizes)
    for batch in found:
        text = sum(len(event["message"].encode()) + EVENT_BYTES for event in batch)
        assert len(batch) <= MAX_EVENTS
        assert text <= MAX_BYTES


def journal(sizes: list[int]) -> Iterator[str]:
    for at, size in enumerate(sizes):
        yield json.dumps({"__REALTIME_TIMESTAMP": str(1_000_000 * at), "MESSAGE": "é" * size,
                          "_SYSTEMD_UNIT": "gensweep-ray.service"})  # fmt: skip


def test_a_line_that_is_no_utf8_is_kept_as_far_as_it_can_be_read() -> None:
    line = json.dumps({"__REALTIME_TIMESTAMP": "1700000000000000", "MESSAGE": [104, 255, 105]})
    assert journal_event(line) == {"timestamp": 1_700_000_000_000, "message": "host: h\ufffdi"}


def test_rays_files_are_followed_by_whole_lines(tmp_path: Path) -> None:
    log, places = tmp_path / "monitor.log", dict[str, int]()
    log.write_text("one\ntwo\nhal")
    assert [e["message"] for e in _ray_events(tmp_path, places)] == [
        "monitor.log: one",
        "monitor.log: two",
    ]
    with log.open("a") as opened:
        opened.write("f\n")
    assert [e["message"] for e in _ray_events(tmp_path, places)] == ["monitor.log: half"]
    assert list(_ray_events(tmp_path, places)) == []


@pytest.mark.parametrize(("written", "blank"), [(b"", True), (b"\x53\xef", False)])
def test_only_a_device_that_was_never_written_is_formatted(
    tmp_path: Path, written: bytes, blank: bool
) -> None:
    device = tmp_path / "device"
    device.write_bytes(bytes(1080) + written + bytes(2**21))
    assert is_blank(device) is blank
    with pytest.raises(OSError, match="No such file"):
        is_blank(tmp_path / "gone")


def test_a_volume_of_another_user_is_given_to_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert os.geteuid() == 0, "run as root"
    monkeypatch.setattr(_node_volume, "USER", "nobody")
    settings = Settings(role="head", cluster="lab", cloud="none", data=tmp_path)
    _node_volume.make_folders(settings)
    kept = tmp_path / "gcs" / "kept"
    kept.touch()
    for path in (kept.parent, kept):
        os.chown(path, 54_321, 54_321)
    _node_volume.make_folders(settings)
    assert {p.stat().st_uid for p in (kept.parent, kept)} == {pwd.getpwnam("nobody").pw_uid}


def test_root_does_not_follow_the_links_of_a_users_home(tmp_path: Path) -> None:
    """The user owns its home, and could lead root's writing wherever it likes."""
    assert os.geteuid() == 0, "run as root"
    nobody, forbidden = pwd.getpwnam("nobody"), tmp_path / "forbidden"
    home = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        forbidden.mkdir(mode=0o700)
        (home / ".mlflow").symlink_to(forbidden)
        with pytest.raises(PermissionError), _acting_as(nobody):
            _write_owned(home / ".mlflow" / "credentials", "secret", nobody)
        assert list(forbidden.iterdir()) == []
        (home / ".mlflow").unlink()
        with _acting_as(nobody):
            _write_owned(home / ".mlflow" / "credentials", "secret", nobody)
        assert (home / ".mlflow" / "credentials").stat().st_mode & 0o777 == 0o600
    finally:
        shutil.rmtree(home)


def test_users_have_the_passwords_that_hold_now(tmp_path: Path) -> None:
    """Also on a volume where the administrator of an older secret is."""
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    settings = Settings(role="tracking", cluster="lab", cloud="none", data=tmp_path, run=tmp_path)
    (tmp_path / "mlflow").mkdir()
    for password in ("first-password-1", "second-password-2"):
        for name, user in (("mlflow_admin", "admin"), ("mlflow_user", "gensweep")):
            text = json.dumps({"username": user, "password": password})
            (tmp_path / f"{name}.json").write_text(text)
        set_passwords(settings)
        store = SqlAlchemyStore()
        store.init_db(database_uri(settings, "users"))
        assert store.authenticate_user("admin", password)
        assert store.authenticate_user("gensweep", password)
        assert not store.authenticate_user("admin", "other-password-3")
        assert [user.username for user in store.list_users() if user.is_admin] == ["admin"]
