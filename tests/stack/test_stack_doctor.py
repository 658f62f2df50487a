"""The doctor sees what a script would see, without a stack."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gensweep.files import write_atomically
from gensweep.home import Home
from gensweep.stack import Check, doctor

STACKS = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "stack",
    "AWS_SECRET_ACCESS_KEY": "of-the-stack",
    "GENSWEEP_STORE": "s3://gensweep",
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
}
OWN = {
    "AWS_ACCESS_KEY_ID": "me",
    "AWS_SECRET_ACCESS_KEY": "mine",
    "AWS_SESSION_TOKEN": "borrowed",
    "AWS_REGION": "us-east-1",
}


class Refusing(BaseHTTPRequestHandler):
    """Answers 403, and remembers the session tokens that it was shown."""

    tokens: list[str | None]

    def do_HEAD(self) -> None:
        self.tokens.append(self.headers["X-Amz-Security-Token"])
        self.send_response(403)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class RefusingJobs(Refusing):
    """Answers 403 to whoever asks for the jobs of a cluster, too."""

    def do_GET(self) -> None:
        self.do_HEAD()


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def cluster() -> Iterator[str]:
    """The address of a dashboard that knows none of our tokens."""
    handler = type("Here", (RefusingJobs,), {"tokens": []})
    with serving(handler) as url:
        yield url


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[str | None]]]:
    """The address of a store that refuses, and the tokens shown to it."""
    tokens: list[str | None] = []
    handler = type("Here", (Refusing,), {"tokens": tokens})
    with serving(handler) as url:
        yield url, tokens


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / ".gensweep")
    write_atomically(found.env_file, "".join(f"export {k}={v}\n" for k, v in STACKS.items()))
    return found


def find(name: str, home: Home, environ: dict[str, str]) -> Check:
    before = dict(os.environ)
    checks = doctor(home, environ)
    assert dict(os.environ) == before
    return next(c for c in checks if c.check == name)


def test_a_store_of_ones_own_is_not_mixed_with_the_stacks(home: Home) -> None:
    own = find("object store", home, OWN)
    assert (own.ok, own.detail) == (False, "GENSWEEP_STORE is not set")
    stacks = find("object store", home, {})
    assert "http://127.0.0.1:9" in stacks.detail
    assert stacks.cure.startswith("Start it (the embedded one by `gensweep up`), or correct AWS_")
    behind_a_proxy = find("object store", home, {"AWS_CA_BUNDLE": "x.pem", "AWS_REGION": "eu"})
    assert "http://127.0.0.1:9" in behind_a_proxy.detail


def test_borrowed_credentials_are_sent_whole(
    home: Home, refusing: tuple[str, list[str | None]]
) -> None:
    url, tokens = refusing
    environ = {**OWN, "AWS_ENDPOINT_URL": url, "GENSWEEP_STORE": "s3://somebodys"}
    check = find("object store", home, environ)
    assert set(tokens) == {"borrowed"}
    assert not check.ok
    assert "'somebodys'" in check.detail
    assert "AWS_SECRET_ACCESS_KEY" in check.cure


def test_a_folder_that_a_script_would_make_is_fine(home: Home, tmp_path: Path) -> None:
    store = f"file://{tmp_path}/new/store"
    assert find("object store", home, {"GENSWEEP_STORE": store}) == Check(
        "object store", True, store
    )
    assert not (tmp_path / "new").exists()


def test_the_tracker_must_be_mlflow(home: Home, refusing: tuple[str, list[str | None]]) -> None:
    check = find("tracker", home, {"MLFLOW_TRACKING_URI": refusing[0]})
    assert not check.ok
    assert "is not MLflow" in check.detail
    assert "gensweep up" in check.cure


def test_a_cluster_that_refuses_our_token_may_be_somebody_elses(home: Home, cluster: str) -> None:
    check = find("ray dashboard", home, {"RAY_API_SERVER_ADDRESS": cluster})
    assert check.detail == f"{cluster}: 403 with the token"
    assert "If that cluster is yours" in check.cure
    assert "if not, run `gensweep up`" in check.cure
