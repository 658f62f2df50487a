"""The spool: nothing lost, nothing repeated beyond what was not acknowledged, nothing secret."""

import base64
import os
import random
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gensweep.errors import UserError
from gensweep.redact import redact, redact_all, redact_bytes, redact_tree
from gensweep.tracking import Spool, check_server

ROOT = Path(__file__).resolve().parents[2]


def drain(spool: Spool, limit: int = 1000) -> list[int]:
    numbers = []
    while events := spool.read(spool.acked, limit):
        numbers += [event["n"] for event, _ in events]
        spool.acknowledge(events)
    return numbers


def test_events_come_out_in_order_over_segments(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=500)
    for n in range(100):
        spool.put({"n": n})
    assert len(list(tmp_path.glob("*.jsonl"))) > 3
    assert drain(spool, 7) == list(range(100))
    assert spool.empty
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


def test_unacknowledged_events_come_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=300)
    for n in range(20):
        spool.put({"n": n})
    spool.acknowledge(spool.read(spool.acked, 8))
    spool.read(spool.acked, 5)
    spool.close()
    again = Spool(tmp_path)
    again.put({"n": 20})
    assert drain(again) == list(range(8, 21))


def test_marks_outlive_rotation_and_restart(tmp_path: Path) -> None:
    spool = Spool(tmp_path, segment_bytes=200)
    for n in range(50):
        spool.put({"n": n, "marks": {f"{n % 3}/loss": n}})
    drain(spool)
    spool.close()
    assert Spool(tmp_path).marks == {"0/loss": 48, "1/loss": 49, "2/loss": 47}


def test_marks_of_what_has_ended_do_not_pile_up(tmp_path: Path) -> None:
    """A snapshot of all trials' marks would be written again and again, and grow with the sweep."""
    spool = Spool(tmp_path, segment_bytes=300)
    for n in range(60):
        spool.put({"n": n, "marks": {f"{n}/loss": n}})
        if n % 20:
            spool.put({"n": n, "closes": str(n)})
            assert f"{n}/loss" in spool.marks  # it may be told again, for a while
        if n == 30:
            spool.close()
            spool = Spool(tmp_path, segment_bytes=300)
    kept = set(spool.marks)
    assert {"0/loss", "20/loss", "40/loss", "59/loss"} <= kept
    assert len(kept) < 15
    drain(spool)
    spool.close()
    assert set(Spool(tmp_path).marks) == kept


def test_blobs_live_until_they_are_acknowledged(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.put({"n": 0}, name="a.bin", data=b"abc")
    spool.close()
    spool = Spool(tmp_path)
    events = spool.read(spool.acked, 9)
    assert spool.blob_path(events[0][0]).read_bytes() == b"abc"
    spool.acknowledge(events)
    assert list((tmp_path / "blobs").iterdir()) == []


def test_blob_without_event_is_swept_away(tmp_path: Path) -> None:
    Spool(tmp_path).close()
    (tmp_path / "blobs" / "7").mkdir()
    (tmp_path / "blobs" / "7" / "x").write_bytes(b"x")
    Spool(tmp_path)
    assert list((tmp_path / "blobs").iterdir()) == []


@pytest.mark.parametrize("seed", range(5))
def test_torn_line_is_cut(tmp_path: Path, seed: int) -> None:
    spool = Spool(tmp_path)
    for n in range(10):
        spool.put({"n": n})
    spool.close()
    (path,) = tmp_path.glob("*.jsonl")
    whole = path.read_bytes()
    cut = random.Random(seed).randrange(1, len(whole))
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n")
    spool = Spool(tmp_path)
    spool.put({"n": 99})
    assert drain(spool) == [*range(kept), 99]


def test_second_process_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    with pytest.raises(UserError, match="in use"):
        Spool(tmp_path)
    spool.close()
    Spool(tmp_path).close()


WRITER = """
import sys
sys.path.insert(0, {platform!r})
from gensweep.tracking import Spool
spool = Spool({folder!r}, segment_bytes=2000)
for n in range(spool.marks.get("n", -1) + 1, 10**9):
    spool.put({{"n": n, "marks": {{"n": n}}}})
    print(n, flush=True)
"""


def test_killed_writer_loses_and_repeats_nothing(tmp_path: Path) -> None:
    code = WRITER.format(platform=str(ROOT / "platform"), folder=str(tmp_path))
    rng, acknowledged, seen = random.Random(1), -1, []
    for _ in range(6):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(rng.randint(1, 300))]
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.read().splitlines(keepends=True)
        process.wait()
        acknowledged = max(acknowledged, *(int(x) for x in lines if x.endswith("\n")))
        spool = Spool(tmp_path)
        seen += drain(spool, rng.randint(1, 50))
        spool.close()
    assert seen == list(range(len(seen)))
    assert seen[-1] >= acknowledged > 100


def test_secrets_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "tok-123456")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "falsefalse")
    assert redact("key wJalrXUtnFEMI, tok-123456, falsefalse") == "key ***, ***, falsefalse"
    assert redact("s3://me:pass@host/b, http://u:p@h") == "s3://me:***@host/b, http://u:***@h"
    assert redact_all({"db_password": "hunter2", "num_tokens": 64}) == {
        "db_password": "***", "num_tokens": "64"}  # fmt: skip
    assert redact_bytes(b"\xff wJalrXUtnFEMI") == b"\xff wJalrXUtnFEMI"
    assert redact_bytes(b"{wJalrXUtnFEMI}") == b"{***}"


@pytest.mark.parametrize(
    "spelled",
    ["/a+b/c&d\"e", "%2Fa%2Bb%2Fc%26d%22e", "%2fa%2bb%2fc%26d%22e", "/a%2Bb/c%26d%22e",
     '/a+b/c&d\\"e', "/a+b/c&amp;d&quot;e"],
)  # fmt: skip
def test_a_secret_is_hidden_however_it_is_spelled(
    spelled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert redact(f"<{spelled}>") == f"<{spelled}>"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", '/a+b/c&d"e')
    assert redact(f"<{spelled}>") == "<***>"


def test_passwords_of_addresses_are_secrets_and_places_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key.json"
    key.touch()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://ann:hunter%2F2@host:5000")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", "/not/there/token")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))
    assert redact("user ann, password hunter/2 or hunter%2F2") == "user ann, password *** or ***"
    assert redact(f"{key} and /not/there/token") == f"{key} and /not/there/token"
    assert redact("http://u:p@ss@h, x@y") == "http://u:***@h, x@y"
    assert redact("http://h:80/a?auth_token=tok&n=1") == "http://h:80/a?auth_token=***&n=1"


def test_plain_data_can_be_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "123456")
    found = redact_tree({"seed": 123456, "causes": ["no 123456", None], "token": "x"})
    assert found == {"seed": 123456, "causes": ["no ***", None], "token": "***"}


class Guarded(BaseHTTPRequestHandler):
    """A server that takes one user."""

    def do_GET(self) -> None:
        known = base64.b64encode(b"ann:hunter/2").decode()
        self.send_response(200 if self.headers["Authorization"] == f"Basic {known}" else 401)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_the_user_of_an_address_is_tried_and_never_shown() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as guarded:
        threading.Thread(target=guarded.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{guarded.server_port}"
        check_server(f"http://ann:hunter%2F2@{place}/")
        with pytest.raises(UserError, match=r"//ann:\*\*\*@.* refuses the credentials"):
            check_server(f"http://ann:hunter3@{place}")
        guarded.shutdown()


def test_the_user_of_a_file_is_tried_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), Guarded) as guarded:
        threading.Thread(target=guarded.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{guarded.server_port}"
        with pytest.raises(UserError, match=r"or write ~/\.mlflow/credentials"):
            check_server(address)
        (tmp_path / ".mlflow").mkdir()
        (tmp_path / ".mlflow" / "credentials").write_text(
            "[mlflow]\nmlflow_tracking_username = ann\nmlflow_tracking_password = hunter/2\n"
        )
        check_server(address)
        guarded.shutdown()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://127.0.0.1:9", "no MLflow server answers"),
        ("http://ann:hunter2@127.0.0.1:9", r"ann:\*\*\*@"),
        ("http://127.0.0.1:port", "no MLflow server answers"),
        ("./mlruns", "no server"),
        ("file:///tmp/mlruns", "no server"),
        ("", "empty"),
        ("sqlite:////tmp/mlflow.db", "sqlite:////tmp/mlflow.db is no server's address: start one"),
        ("postgresql://ann:hunter2@127.0.0.1/x", r"//ann:\*\*\*@127.* set MLFLOW_TRACKING_URI"),
        ("mysql+pymysql://127.0.0.1/x", "no server"),
        ("databricks", "no server"),
    ],
)
def test_unusable_tracker_is_named(uri: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        check_server(uri)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_import_needs_no_mlflow() -> None:
    code = "import gensweep.tracking, sys; sys.exit('mlflow' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )
