"""Files that are replaced whole, locks that die with their process, and torn last lines."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gensweep.files import (
    BLOCK,
    FileLockedError,
    cut_torn_line,
    lock_file,
    replacing,
    write_atomically,
)

ROOT = Path(__file__).parents[1]


@contextmanager
def process(code: str, *args: object) -> Iterator["subprocess.Popen[str]"]:
    """A process that has the ground functions and has said its first word; killed at the end."""
    head = "import sys, time\nfrom pathlib import Path\nfrom gensweep.files import *\n"
    started = subprocess.Popen(
        [sys.executable, "-c", head + code, *map(str, args)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "platform")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    try:
        assert started.stdout.readline() == "ready\n"
        yield started
    finally:
        started.kill()
        started.wait()
        started.stdout.close()


STOPS_BEFORE_IT_REPLACES = """
with replacing(Path(sys.argv[1])) as draft:
    draft.write_text("new")
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_leaves_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with process(STOPS_BEFORE_IT_REPLACES, file):
        assert file.read_text() == "old"
    assert file.read_text() == "old"
    (left,) = set(tmp_path.iterdir()) - {file}
    assert left.name.startswith(".new-")
    write_atomically(file, "newer")
    assert file.read_text() == "newer"


WRITES_AND_WRITES = """
print("ready", flush=True)
while True:
    for letter in "ab":
        write_atomically(Path(sys.argv[1]), letter * 500_000)
"""


@pytest.mark.slow("a file is read and written for seconds", minutes=0.1)
def test_a_reader_never_sees_a_mixture(tmp_path: Path) -> None:
    file = tmp_path / "file"
    write_atomically(file, "c" * 500_000)
    seen = set()
    with process(WRITES_AND_WRITES, file), process(WRITES_AND_WRITES, file):
        while len(seen) < 20:
            text = file.read_bytes()
            assert text == text[:1] * 500_000
            seen.add(file.stat().st_ino)


def test_a_block_that_raises_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "made" / "file"
    for text in ("half", ""):
        with pytest.raises(RuntimeError), replacing(file) as draft:  # noqa: PT012
            if text:
                draft.write_text(text)
            raise RuntimeError
    assert list(file.parent.iterdir()) == []
    with pytest.raises(FileNotFoundError), replacing(file):
        pass  # and writes nothing
    assert list(file.parent.iterdir()) == []


def test_only_the_owner_reads_unless_the_call_says_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("open to all")
    file.chmod(0o666)
    before = os.umask(0o022)
    try:
        for mode, kept in ((0o600, 0o600), (0o666, 0o644)):
            write_atomically(file, b"\xff", mode=mode)
            assert file.stat().st_mode & 0o777 == kept
            with lock_file(tmp_path / f"lock{mode}", mode=mode) as lock:
                assert os.fstat(lock.fileno()).st_mode & 0o777 == kept
    finally:
        os.umask(before)


def test_a_file_is_given_to_its_owner(tmp_path: Path) -> None:
    """To another user by root; anyone else may give it to himself, and to nobody else."""
    user, other = os.getuid(), (1234, 5678)
    owner = (user, os.getgid()) if user else other
    write_atomically(tmp_path / "file", "text", owner=owner)
    found = (tmp_path / "file").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (*owner, 0o600)
    if user:
        with pytest.raises(PermissionError):
            write_atomically(tmp_path / "file", "new", owner=other)
        assert [f.name for f in tmp_path.iterdir()] == ["file"]
        assert (tmp_path / "file").read_text() == "text"


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to("target")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "target").read_text() == "old"
    assert (tmp_path / "link").read_text() == "new"


@pytest.mark.parametrize("durable", [False, True])
def test_bytes_are_synced_before_the_name_and_the_name_after(
    tmp_path: Path, durable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, seen, real = tmp_path / "file", [], os.fsync

    def noted(opened: int) -> None:
        seen.append((os.fstat(opened).st_size if file.exists() is False else "", file.exists()))
        real(opened)

    monkeypatch.setattr(os, "fsync", noted)
    write_atomically(file, "12345", folder=tmp_path / "drafts", durable=durable)
    assert seen == ([(5, False), ("", True)] if durable else [])
    assert list((tmp_path / "drafts").iterdir()) == []


HOLDS = """
with lock_file(Path(sys.argv[1]), holder="process 7"):
    print("ready", flush=True)
    time.sleep(60)
"""
TAKES = """
print("ready", flush=True)
with lock_file(Path(sys.argv[1])):
    Path(sys.argv[2]).touch()
"""


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    lock, taken = tmp_path / "lock", tmp_path / "taken"
    with process(HOLDS, lock) as holder:
        with pytest.raises(FileLockedError, match="lock is locked by process 7") as caught:
            lock_file(lock, wait=False)
        assert caught.value.holder == "process 7"
        with process(TAKES, lock, taken) as waiting:
            with pytest.raises(subprocess.TimeoutExpired):
                waiting.wait(0.3)
            assert not taken.exists()
            holder.kill()
            assert waiting.wait(60) == 0
            assert taken.exists()
    with lock_file(lock, wait=False, holder="8"):
        assert lock.read_text() == "8"


def test_a_lock_holds_within_a_process_too(tmp_path: Path) -> None:
    with lock_file(tmp_path / "lock"), pytest.raises(FileLockedError, match="another process"):
        lock_file(tmp_path / "lock", wait=False)
    lock_file(tmp_path / "lock", wait=False).close()


def test_a_program_that_is_started_has_no_share_in_a_lock(tmp_path: Path) -> None:
    held = lock_file(tmp_path / "lock")
    with process("print('ready', flush=True)\ntime.sleep(60)"):
        held.close()
        lock_file(tmp_path / "lock", wait=False).close()


def test_a_lock_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("of somebody else")
    (tmp_path / "lock").symlink_to("target")
    with pytest.raises(OSError, match="symbolic link"):
        lock_file(tmp_path / "lock", holder="me")
    assert (tmp_path / "target").read_text() == "of somebody else"


LONG = b"x" * BLOCK


@pytest.mark.parametrize("torn", [b"", b"t", b"torn", LONG, LONG[1:], LONG + b"xx", LONG * 2])
@pytest.mark.parametrize("whole", [b"", b"\n", b"a\n", b"a\n\nbc\n", LONG + b"\n"])
def test_what_follows_the_last_line_break_is_cut(tmp_path: Path, whole: bytes, torn: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(whole + torn)
    for _ in range(2):
        assert cut_torn_line(file) == len(whole)
        assert file.read_bytes() == whole


def test_a_missing_file_has_no_line_to_cut(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        cut_torn_line(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
