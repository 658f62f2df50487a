"""Bad stores: one line each, with the value and the cure, in seconds, and no secrets."""

import http.client
import http.server
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from gensweep import patience
from gensweep.errors import ServerAwayError, UserError
from gensweep.patience import Patience
from gensweep.storage import StoreError, StoreUnavailableError, _s3_clients, open_store
from proxy import Proxy

SECRET = "not-shown-4711"


def failure(action: Callable[[], object], *words: str) -> UserError:
    """The error of `action`: one line that has all `words` and no secret."""
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        action()
    assert time.monotonic() - began < 30  # botocore by itself would take five minutes
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return caught.value


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("gs://bucket/x", ("'gs'", "s3://")),
        ("", ("empty", "s3://")),
        ("s3://", ("bucket", "s3://bucket/prefix")),
        ("s3://ab", ("'ab'", "s3://bucket/prefix")),
        ("s3://bucket/a/../b", ("'a/../b'",)),
        ("s3://bucket/x?region=eu", ("'?'",)),
        ("file://host/folder", ("'host'", "file:///folder")),
        (f"s3://key:{SECRET}@bucket/x", ("credentials", "AWS_SECRET_ACCESS_KEY")),
    ],
)
def test_uri(uri: str, words: tuple[str, ...]) -> None:
    failure(lambda: open_store(uri), *words)


@pytest.fixture
def _credentials(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.mark.usefixtures("_credentials")
class TestEndpoint:
    def test_nothing_listens(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        error = failure(open_store("s3://bucket/x").check, str(port), "AWS_ENDPOINT_URL")
        assert isinstance(error, StoreUnavailableError)

    def test_listens_but_never_answers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            port = mute.getsockname()[1]
            monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            failure(open_store("s3://bucket/x").check, str(port), "AWS_ENDPOINT_URL")

    def test_name_does_not_resolve(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://me:{SECRET}@no-such-host.invalid:1")
        failure(open_store("s3://bucket/x").check, "no-such-host.invalid", "AWS_ENDPOINT_URL")

    @pytest.mark.parametrize("url", ["localhost", "not a url", "http://[bad"])
    def test_is_no_address(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        failure(open_store("s3://bucket/x").check, url, "AWS_ENDPOINT_URL")


@pytest.mark.usefixtures("_credentials")
class TestBucket:
    def test_does_not_exist(self) -> None:
        store = open_store("s3://no-such-bucket/x")
        for action in (store.check, lambda: store.put("k", b""), store.list):
            failure(action, "'no-such-bucket'", "create it")

    def test_no_credentials(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
        failure(open_store("s3://bucket/x").check, "no credentials", "AWS_ACCESS_KEY_ID")

    def test_unknown_profile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        failure(open_store("s3://bucket/x").check, "AWS_PROFILE", "'nobody'")


class Scripted(http.server.BaseHTTPRequestHandler):
    """Answers with `code`, an error's in S3's format."""

    code, name = 403, "AccessDenied"

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = f"<Error><Code>{self.name}</Code><Message>{SECRET}</Message></Error>"
        body = b"" if self.code == 200 else said.encode()
        self.send_response(self.code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_DELETE = answer  # noqa: N815

    def log_message(self, *args: object) -> None:
        return


@contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server that answers so."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def scripted(
    monkeypatch: pytest.MonkeyPatch, _credentials: None
) -> Iterator[Callable[[int, str], None]]:
    def answer_with(code: int, name: str) -> None:
        monkeypatch.setattr(Scripted, "code", code)
        monkeypatch.setattr(Scripted, "name", name)

    with serving(Scripted) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield answer_with


@pytest.mark.parametrize("name", ["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"])
def test_refused_credentials(scripted: Callable[[int, str], None], name: str) -> None:
    scripted(403, name)
    store = open_store("s3://bucket/x")
    failure(store.check, "'bucket'", "AWS_ACCESS_KEY_ID")
    failure(lambda: store.put("k", b"v"), "'bucket'", name)
    failure(lambda: store.get("k"), "'bucket'", name)


def test_server_error_is_not_the_users_fault(scripted: Callable[[int, str], None]) -> None:
    scripted(503, "SlowDown")
    error = failure(open_store("s3://bucket/x").check, "try again later")
    assert isinstance(error, StoreUnavailableError)


@pytest.mark.slow("an embedded store starts", minutes=0.3)
@pytest.mark.stack
def test_embedded_store_refuses(
    stack_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack_environment.items():
        monkeypatch.setenv(name, value)
    failure(open_store("s3://no-such-bucket/x").check, "'no-such-bucket'", "create it")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    failure(open_store("s3://no-such-bucket/x").check, "AWS_SECRET_ACCESS_KEY")


def test_folder_that_cannot_be_made() -> None:
    failure(open_store("file:///proc/none/x").check, "/proc/none/x", "writable")


def test_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    failure(open_store(f"file://{tmp_path}/file").check, f"{tmp_path}/file", "writable")


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A read-only folder, and a user who has to respect that: root does not."""
    with tempfile.TemporaryDirectory() as outer:
        folder = Path(outer) / "shut"
        folder.mkdir()
        Path(outer).chmod(0o755)
        folder.chmod(0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)
            yield folder
        finally:
            os.seteuid(user)


def test_read_only_folder(unprivileged: Path) -> None:
    failure(open_store(str(unprivileged)).check, str(unprivileged), "denied", "writable")
    failure(open_store(f"{unprivileged}/new").check, str(unprivileged), "writable")
    assert list(unprivileged.iterdir()) == []


def test_write_beyond_the_disk_waits_and_then_leaves_the_old_object(tmp_path: Path) -> None:
    """A full disk, played by the kernel's limit on the size of a file, which is lifted once."""
    script = (
        "import sys, threading; from resource import RLIMIT_FSIZE, RLIM_INFINITY, setrlimit\n"
        "from gensweep.patience import Patience; from gensweep.storage import open_store\n"
        "limit = lambda size: setrlimit(RLIMIT_FSIZE, (size, RLIM_INFINITY))\n"
        "store = open_store(sys.argv[1], Patience(20)); limit(1000)\n"
        "threading.Timer(0.5, limit, [RLIM_INFINITY]).start(); store.put('waited', b'n' * 2000)\n"
        "store = open_store(sys.argv[1], Patience(0)); store.put('k', b'old'); limit(1000)\n"
        "store.put('k', b'n' * 2000)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "StoreUnavailableError: cannot write 'k'" in run.stderr
    assert open_store(str(tmp_path)).get("waited") == b"n" * 2000
    assert open_store(str(tmp_path)).get("k") == b"old"
    assert open_store(str(tmp_path)).list() == ["k", "waited"]
    assert list((tmp_path / ".scratch").iterdir()) == []


class Flaky(http.server.BaseHTTPRequestHandler):
    """Passes requests on to a real server; fails every third: 503, cut connection, cut body."""

    target: str
    count = 0
    protocol_version = "HTTP/1.1"

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Flaky.count += 1
        fault = Flaky.count // 3 % 3 if Flaky.count % 3 == 0 else None
        if fault == 0:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if fault == 1:
            self.close_connection = True
            return
        self.relay(body, cut=fault == 2 and self.command == "GET")

    def relay(self, body: bytes, cut: bool) -> None:
        upstream = http.client.HTTPConnection(self.target)
        upstream.request(self.command, self.path, body, dict(self.headers))
        answer = upstream.getresponse()
        data = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else len(data)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if cut else data)
        self.close_connection = cut

    do_GET = do_PUT = do_HEAD = do_DELETE = forward  # noqa: N815

    def log_message(self, *args: object) -> None:
        return


def test_rides_out_a_flaky_server(
    bucket: str, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Flaky.target = moto_endpoint.removeprefix("http://")
    store = open_store(f"s3://{bucket}/p")
    values = {f"k{i}": os.urandom(10_000) for i in range(6)}
    with serving(Flaky) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        for key, value in values.items():
            store.put(key, value)
        assert {key: store.get(key) for key in store.list()} == values
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
    assert set(boto3.session.Session().client("s3").list_objects_v2(Bucket=bucket)) >= {"Contents"}


def test_a_server_that_is_away_is_waited_for_by_a_store_of_more_patience(
    bucket: str, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy(int(moto_endpoint.rpartition(":")[2]))
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    monkeypatch.setattr(_s3_clients, "ATTEMPTS", 1)  # the store's patience alone
    monkeypatch.setattr(patience, "TELL_S", 0.1)
    monkeypatch.setattr(patience, "LONGEST_S", 0.3)  # it looks again soon
    told: list[str] = []
    store = open_store(f"s3://{bucket}/p", Patience(60, told.append))
    store.put("k", b"before")
    proxy.down()
    back = threading.Timer(1.5, proxy.up)
    back.start()
    store.put("k", b"after")
    back.join()
    assert store.get("k") == b"after"
    proxy.down()
    assert "no S3 server answers" in told[-1]


class Guarded(Scripted):
    """Refuses requests that are not signed with the key of the id `accepts`."""

    accepts = "first"

    def answer(self) -> None:
        accepted = f"Credential={self.accepts}/" in self.headers["Authorization"]
        self.code, self.name = (200, "") if accepted else (403, "ExpiredToken")
        super().answer()

    do_PUT = answer  # noqa: N815


@pytest.mark.usefixtures("_credentials")
def test_credentials_that_expire_in_a_running_sweep_are_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever renews them need not stop it; one that never had good ones is refused at once."""
    file = tmp_path / "credentials"

    def write(name: str) -> None:
        file.write_text(f"[default]\naws_access_key_id={name}\naws_secret_access_key={SECRET}\n")

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setattr(patience, "TELL_S", 0.1)
    monkeypatch.setattr(patience, "LONGEST_S", 0.3)  # it looks again soon
    told: list[str] = []
    write("first")
    with serving(Guarded) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        store = open_store("s3://bucket/x", Patience(60, told.append))
        store.put("k", b"v")
        monkeypatch.setattr(Guarded, "accepts", "second")
        error = failure(lambda: open_store("s3://bucket/x").put("k", b"v"), "ExpiredToken")
        assert not isinstance(error, ServerAwayError)
        renewed = threading.Timer(1.0, write, ["second"])
        renewed.start()
        store.put("k", b"w")
        renewed.join()
    assert "refuses access to bucket 'bucket' (ExpiredToken)" in told[-1]


class Swift(Scripted):
    """Answers as Swift does while the server that knows of its buckets is away, or is there."""

    is_whole = True

    def answer(self) -> None:
        self.code, self.name = (200, "") if self.is_whole else (404, "NoSuchBucket")
        super().answer()

    do_HEAD = do_PUT = answer  # noqa: N815


@pytest.mark.usefixtures("_credentials")
def test_a_bucket_that_was_there_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that never was is refused at once."""
    monkeypatch.setattr(patience, "TELL_S", 0.1)
    monkeypatch.setattr(patience, "LONGEST_S", 0.3)  # it looks again soon
    told: list[str] = []
    with serving(Swift) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        store = open_store("s3://bucket/x", Patience(60, told.append))
        store.put("k", b"v")
        monkeypatch.setattr(Swift, "is_whole", False)
        error = failure(lambda: open_store("s3://bucket/x").put("k", b"v"), "does not exist")
        assert not isinstance(error, ServerAwayError)
        back = threading.Timer(1.0, monkeypatch.setattr, [Swift, "is_whole", True])
        back.start()
        store.put("k", b"w")
        back.join()
    assert "the bucket of s3://bucket/x now: a server behind it is away or starting" in told[-1]


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize("was_there", [False, True])
def test_the_bucket_of_a_sweep_that_has_begun_is_waited_for_by_a_store_opened_anew(
    monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    """At the start, in packs, and at the last look; a mistyped one is refused at once."""
    monkeypatch.setattr(Swift, "is_whole", False)
    with serving(Swift) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        store = open_store("s3://bucket/x", Patience(0), was_there=was_there)
        for action in (store.check, lambda: store.put("k", b"v"), lambda: store.exists("k")):
            told = "away or starting" if was_there else "does not exist"
            assert isinstance(failure(action, told), ServerAwayError) is was_there
        with serving(Scripted) as refusing:  # who refuses the credentials is not waited for
            monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
            assert not isinstance(failure(store.check, "(403)"), ServerAwayError)


class Keyless(Scripted):
    """Has the bucket, or may not tell of it, and no object: HEAD is answered without a body."""

    of_bucket = 200

    def answer(self) -> None:
        self.code = 404 if "/x/" in self.path else self.of_bucket
        super().answer()

    do_HEAD = answer  # noqa: N815


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize("of_bucket", [200, 403])
def test_a_key_is_missing_where_the_bucket_is_there(
    monkeypatch: pytest.MonkeyPatch, of_bucket: int
) -> None:
    monkeypatch.setattr(Keyless, "of_bucket", of_bucket)
    with serving(Keyless) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert not open_store("s3://bucket/x").exists("k")


@pytest.mark.usefixtures("_credentials")
def test_the_bucket_of_a_stack_that_starts_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The stack has written where its store will be; its bucket is made last."""
    monkeypatch.setattr(Swift, "is_whole", False)
    monkeypatch.setenv("GENSWEEP_HOME", str(tmp_path))
    with serving(Swift) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        lines = (f"export AWS_ENDPOINT_URL={address}", "export GENSWEEP_STORE=s3://bucket")
        (tmp_path / "env").write_text("\n".join(lines))
        error = failure(open_store("s3://bucket").check, "s3://bucket now", "`gensweep status`")
        assert isinstance(error, ServerAwayError)
        error = failure(open_store("s3://typo").check, "'typo' does not exist")
        assert not isinstance(error, ServerAwayError)


def test_errors_are_user_errors() -> None:
    assert issubclass(StoreUnavailableError, StoreError)
    assert issubclass(StoreError, UserError)
