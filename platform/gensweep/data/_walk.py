"""Lists the files under a local folder, and what of it is no data."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TypeVar

from gensweep.errors import UserError

JUNK = {
    "@eadir", "#recycle", "$recycle.bin", "__macosx", "lost+found", "system volume information",
}  # fmt: skip
"""Folders that file servers and packers put among others, in small letters."""
LEFTOVERS = {".ds_store", "desktop.ini", "thumbs.db"}
"""Files of which nobody needs to hear."""

Stamp = TypeVar("Stamp")


def walk(root: Path) -> tuple[dict[str, os.stat_result], Counter[str]]:
    """List the files under `root` through links, and count what is left out.

    Each folder is read once: a link that leads back to a folder on the way to it is not followed,
    nor one to a folder that is read under its own name, or by another link.
    """
    files, left_out = dict[str, os.stat_result](), Counter[str]()
    top = os.path.realpath(root)
    ways: dict[str, tuple[str, ...]] = {str(root): (top,)}
    seen = set[str]()
    for where, folders, names in os.walk(root, followlinks=True, onerror=_unlisted):
        way, kept = ways.pop(where), []
        for folder in sorted(name for name in folders if not name.startswith(".")):
            path = os.path.join(where, folder)
            real = os.path.realpath(path)
            if any(_is_within(one, real) for one in way):
                left_out["link(s) that lead back to a folder above"] += 1
                continue
            if real in seen or (os.path.islink(path) and _is_read(real, top)):
                left_out["link(s) to a folder that is read already"] += 1
                continue
            seen.add(real)
            ways[path] = (*way, real)
            kept.append(folder)
        folders[:] = kept
        for name in names:
            path = os.path.join(where, name)
            try:
                found = os.stat(path)
            except OSError:
                left_out["broken link(s)"] += 1
            else:
                if stat.S_ISREG(found.st_mode):
                    files[path.removeprefix(f"{root}/")] = found
    return files, left_out


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_read(real: str, top: str) -> bool:
    """Return whether a folder is met under its own name on a walk through `top`."""
    return _is_within(real, top) and "/." not in real[len(top) :]


def _unlisted(error: OSError) -> None:
    raise UserError(f"cannot list {readable(str(error.filename))} ({error.strerror}): make it "
                    "readable.") from None  # fmt: skip


def without_junk(stamps: Mapping[str, Stamp]) -> tuple[dict[str, Stamp], Counter[str]]:
    """Keep the files that a person put there; count others by why they are left out."""
    kept, left_out = dict[str, Stamp](), Counter[str]()
    for file, stamp in stamps.items():
        reason = junk(PurePosixPath(file).parts)
        if reason is None:
            kept[file] = stamp
        elif reason:
            left_out[reason] += 1
    return kept, left_out


def junk(parts: Iterable[str]) -> str | None:
    """Say why a file is no data; None: it may be, and empty: it is not worth a word.

    >>> junk(("cats", "@eaDir", "a.jpg")), junk(("._a.jpg",)), junk(("a.jpg",))
    ('file(s) in @eaDir', 'hidden file(s)', None)
    """
    *folders, name = parts
    folder = next((one for one in folders if one.lower() in JUNK), None)
    if folder is not None:
        return f"file(s) in {folder}"
    if name.lower() in LEFTOVERS or any(one.startswith(".") for one in folders):
        return ""
    return "hidden file(s)" if name.startswith(".") else None


def readable(name: str) -> str:
    """Write a name of the file system as text, whatever its bytes are.

    >>> readable("caf" + chr(0xDCE9))
    'caf\\\\xe9'
    """
    return os.fsencode(name).decode("utf-8", "backslashreplace")
