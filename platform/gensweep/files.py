"""Files on a local disk that several processes share, and that a crash must not leave half done.

Everything that replaces a file as a whole, locks one or mends its torn last line does it by these
functions. They need the standard library alone: the engine and the services of a host use them.
"""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from io import FileIO
from pathlib import Path

BLOCK = 65536
"""Bytes that are read at once in search of a line's end."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a disk, a quota or a limit on files that leaves no room; it may leave some later."""


@contextmanager
def replacing(path: Path, *, folder: Path | None = None, durable: bool = False) -> Iterator[Path]:
    """Yield an unused path; the file that the block writes there takes the place of `path`.

    Another process finds the old file or the new one, each whole, and of two writers the later
    one wins. When the block raises, `path` stays as it was and what was written is removed; a
    process that is killed may leave it behind, as a hidden file `.new-*`.

    The unfinished file lies in `folder`, by default beside `path`, and must be on the same file
    system; both folders are made if need be. Its permissions are its writer's affair.

    A `durable` file outlives a crash of the machine too once the block has ended: its bytes and
    then its name are synced. Any other outlives its process; after a crash of the machine the old
    file may be there, or an empty one.
    """
    draft = (folder or path.parent) / f".new-{secrets.token_hex(8)}"
    for each in {draft.parent, path.parent}:
        each.mkdir(parents=True, exist_ok=True)
    try:
        yield draft
        if durable:
            sync(draft)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    if durable:
        sync(path.parent)


def write_atomically(
    path: Path,
    data: str | bytes,
    *,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    folder: Path | None = None,
    durable: bool = False,
) -> None:
    """Replace a file as a whole, as `replacing` does; text is written as UTF-8.

    The file never has more permissions than `mode`, less what the process masks, so that by
    default only its owner reads it. `owner` gives it to another user and group, by their numbers,
    before anything is in it.
    """
    with replacing(path, folder=folder, durable=durable) as draft:
        opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        with os.fdopen(opened, "wb") as file:
            if owner:
                os.fchown(opened, *owner)
            file.write(data.encode() if isinstance(data, str) else data)


def sync(path: Path) -> None:
    """Return when the bytes of a file, or the names in a folder, outlive a crash of the machine.

    A new file is found again once its folder is synced, and a new folder once its parent is.
    """
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


class FileLockedError(OSError):
    """Another process, or another part of this one, has the lock."""

    def __init__(self, path: Path, holder: str):
        super().__init__(f"{path} is locked by {holder or 'another process'}")
        self.holder = holder
        """What it said of itself when it took the lock, empty if nothing."""


def lock_file(path: Path, *, wait: bool = True, holder: str = "", mode: int = 0o600) -> FileIO:
    """Take the lock of a file that serves as nothing else; it is released when the result closes.

        with lock_file(folder / "lock"):
            ...

    The kernel also releases it when the process ends, in whatever way, so that no lock is ever
    left behind; the file stays, and is made with the permissions `mode` if it is missing. A fork
    of the process shares the lock, a program that it starts does not.

    Waits for as long as another has the lock; without `wait`, raises `FileLockedError`, which
    tells the `holder` that the other one gave. Raises `OSError` if the file cannot be made, if it
    is a symbolic link, as others may put one into a folder like /tmp, or if its file system knows
    no locks.
    """
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode)
    file = os.fdopen(opened, "r+b", buffering=0)
    try:
        flock(file, LOCK_EX if wait else LOCK_EX | LOCK_NB)
        if holder:
            file.truncate(0)
            file.write(holder.encode())
    except BlockingIOError:
        with file:
            raise FileLockedError(path, file.read().decode().strip()) from None
    except BaseException:
        file.close()
        raise
    return file


def cut_torn_line(path: Path) -> int:
    """Remove what follows the last line break of a file, if anything does; the file's size then.

    A line without its end is the trace of a write that was cut short. For files of a writer's
    own, or under its lock: what another process is about to write would be torn by this.
    """
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        if file.read(1) in (b"", b"\n"):
            return end
        while end > 0:
            start = max(0, end - BLOCK)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n") + 1
            end = start + found
            if found:
                break
        return file.truncate(end)
