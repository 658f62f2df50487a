"""Downloads from a server of the test's own."""

import hashlib
import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gensweep.data import download, load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; notes what was asked for; may cut answers short."""

    asked: list[str]
    cut = False

    def do_GET(self) -> None:
        self.asked.append(self.path.rpartition("/")[2])
        super().do_GET()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        data = source.read()
        outputfile.write(data[: len(data) // 2] if self.cut else data)

    def log_message(self, *args: object) -> None:
        return


@pytest.fixture
def url(mnist: tuple[Path, Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(Quiet, "asked", [], raising=False)
    handler = partial(Quiet, directory=str(mnist[0].parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/mnist/"
    server.shutdown()
    server.server_close()


def sums(folder: Path) -> dict[str, str]:
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.iterdir()}


def test_fetches_what_can_be_loaded(
    url: str, mnist: tuple[Path, Any], tmp_path: Path, store: ObjectStore
) -> None:
    files = download("mnist", tmp_path / "new" / "mnist", url, sums(mnist[0]))
    assert len(files) == 4
    assert sums(tmp_path / "new" / "mnist") == sums(mnist[0])
    assert load_dataset(f"mnist={tmp_path / 'new' / 'mnist'}", store).count == 50


def test_goes_on_where_it_stopped(url: str, mnist: tuple[Path, Any], tmp_path: Path) -> None:
    target = tmp_path / "new"
    download("mnist", target, url)
    (target / "t10k-labels-idx1-ubyte.gz").unlink()
    (target / "train-labels-idx1-ubyte.gz").write_bytes(b"wrong")
    Quiet.asked.clear()
    download("mnist", target, url, sums(mnist[0]))
    assert sorted(Quiet.asked) == ["t10k-labels-idx1-ubyte.gz", "train-labels-idx1-ubyte.gz"]
    assert sums(target) == sums(mnist[0])


def test_cut_answer_leaves_nothing(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Quiet, "cut", True)
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz"):
        download("mnist", tmp_path / "new", url)
    assert list((tmp_path / "new").iterdir()) == []


def test_wrong_sum_leaves_nothing(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another sha256 than 0000"):
        download("mnist", tmp_path / "new", url, {"train-images-idx3-ubyte.gz": "0" * 64})
    assert list((tmp_path / "new").iterdir()) == []


def test_refuses(url: str, tmp_path: Path) -> None:
    cases: list[tuple[tuple[Any, ...], str]] = [
        (("cifar10", tmp_path, url), "'cifar10'.*fashion_mnist, mnist"),
        (("mnist", tmp_path, "ftp://host/x"), "'ftp://host/x'.*https://"),
        (("mnist", tmp_path, "/etc"), "'/etc'.*https://"),
        (("mnist", tmp_path, url + "none"), r"status 404.*correct the address"),
        (("mnist", tmp_path, "http://127.0.0.1:9/x"), "127.0.0.1:9.*correct the address"),
        (("mnist", "/proc/none", url), "'/proc/none'.*choose another"),
        (("mnist", tmp_path, url, {"x": "0"}), "'x'.*train-images-idx3-ubyte.gz"),
    ]
    for args, pattern in cases:
        with pytest.raises(UserError, match=pattern):
            download(*args)
