"""Keeps data sets on the local disk, as arrays that all processes map into memory."""

from __future__ import annotations

import hashlib
import json
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.data._manifest import Manifest, Shard
from gensweep.errors import UserError
from gensweep.home import find_home
from gensweep.storage import CorruptObjectError, ObjectStore

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cache_folder() -> Path:
    """Return the folder for what can be fetched or computed again, in this project's home."""
    return find_home().path / "cache"


def materialise(manifest: Manifest, split: str, store: ObjectStore, cache: Path) -> Path:
    """Return the folder with `x.npy`, `y.npy` and so on of a split, fetched if need be.

    Raises `CorruptObjectError` or `MissingKeyError` if a shard is not what the manifest says.
    """
    folder = cache / "datasets" / manifest.id / split
    if _is_whole(folder):
        return folder
    # Several processes of a host may fetch the same split at once: each fills a folder of its
    # own, and the first to rename it wins.
    scratch = folder.parent / f".{split}-{secrets.token_hex(8)}"
    scratch.mkdir(parents=True)
    try:
        _check_room(scratch, manifest, split)
        _fill(scratch, manifest, split, store)
        _publish(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder


def _check_room(folder: Path, manifest: Manifest, split: str) -> None:
    """`UserError` if the arrays of a split do not fit on the disk."""
    free, needed = shutil.disk_usage(folder).free, manifest.nbytes(split)
    if needed > free:
        raise UserError(f"data set {manifest.id!r} takes {needed:,} bytes of {split} examples, and "
                        f"{folder.parent} has {free:,} free: make room, or name another place by "
                        "GENSWEEP_HOME.")  # fmt: skip


def _fill(folder: Path, manifest: Manifest, split: str, store: ObjectStore) -> None:
    meta, count, row = manifest.meta, manifest.count(split), 0
    arrays = {name: _create(folder / f"{name}.npy", dtype, (count, *shape))
              for name, (dtype, shape) in meta.stored.items()}  # fmt: skip
    for shard in manifest.shards[split]:
        table = _read_shard(store, shard)
        for batch in table.to_batches():
            for name, array in arrays.items():
                array[row : row + len(batch)] = _values(batch.column(name), array)
            row += len(batch)
    if row != count:
        raise CorruptObjectError(f"{manifest.id} has {row} {split} rows instead of {count}")
    for array in arrays.values():
        array.flush()
    # Written last: a folder without it, or with files of other sizes, is fetched again.
    sizes = {file.name: file.stat().st_size for file in folder.iterdir()}
    (folder / "whole.json").write_text(json.dumps(sizes))


def _values(column: Any, room: NDArray[Any]) -> NDArray[Any]:
    """View a column as an array `[n, *shape]` of the type and shape of `room`."""
    import numpy as np
    from pyarrow import types

    if not types.is_fixed_size_binary(column.type):
        numbers: NDArray[Any] = column.to_numpy()
        return numbers
    raw = np.frombuffer(column.buffers()[1], room.dtype)
    size = int(np.prod(room.shape[1:]))
    # Arrow's batch is a view of a larger buffer, which begins `offset` entries earlier.
    begin = column.offset * size
    return raw[begin : begin + len(column) * size].reshape(-1, *room.shape[1:])


def _create(file: Path, dtype: str, shape: tuple[int, ...]) -> Any:
    import numpy as np

    return np.lib.format.open_memmap(file, mode="w+", dtype=np.dtype(dtype), shape=shape)


def _read_shard(store: ObjectStore, shard: Shard) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = store.get(shard.key)
    if len(data) != shard.size or hashlib.sha256(data).hexdigest() != shard.sha256:
        raise CorruptObjectError(f"{shard.key} does not match its sha256")
    # Neither a scanner nor a thread pool of Arrow: they abort a process that ends early
    # (apache/arrow 34314; six of 24 runs of three loaders on two busy cores)
    try:
        table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise CorruptObjectError(f"{shard.key} is no whole Parquet file: {error}") from None
    return table


def _publish(scratch: Path, folder: Path) -> None:
    """Rename `scratch` to `folder`, unless another process has put a whole one there.

    A folder, unlike a file, cannot take the place of another in one step.
    """
    if folder.exists() and not _is_whole(folder):
        folder.rename(folder.parent / f"{scratch.name}-broken")
        shutil.rmtree(folder.parent / f"{scratch.name}-broken", ignore_errors=True)
    try:
        scratch.rename(folder)
    except OSError:
        if not _is_whole(folder):
            raise


def _is_whole(folder: Path) -> bool:
    try:
        sizes: dict[str, int] = json.loads((folder / "whole.json").read_text())
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def open_array(folder: Path, name: str) -> NDArray[Any]:
    """Map a file into memory: its pages are shared by all processes, writes stay private."""
    import numpy as np

    array: NDArray[Any] = np.load(folder / name, mmap_mode="c")
    return array
