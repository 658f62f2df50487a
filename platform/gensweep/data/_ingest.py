"""Ingests a source into Parquet shards in the object store, once.

A shard's key has its own sha256 and the manifest is written last: processes that ingest the same
data at once, even with different versions of Parquet, leave a manifest whose shards are whole.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.data._manifest import Manifest, Shard, index_key, write_manifest
from gensweep.data._source import SPLITS, Meta, Source
from gensweep.errors import UserError
from gensweep.storage import ObjectStore, dump_checksummed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gensweep.data._source import Chunk

SHARD_BYTES = 32 << 20
GROUP_BYTES = 4 << 20


def ingest(source: Source, store: ObjectStore, scratch: Path) -> Manifest:
    """Read `source`, store its shards, then its manifest, then its place in the index.

    Shards wait in a temporary folder within `scratch`. Raises `UserError` if the source is
    damaged or has an empty split.
    """
    meta = source.meta()
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        digest = hashlib.sha256(json.dumps([meta.shape, meta.classes, meta.levels]).encode())
        files = {split: _spool(source, split, meta, digest, Path(folder)) for split in SPLITS}
        # The name of the shards' folder is the digest of all examples, which is known only after
        # the last one: hence the files on the way, and no upload while reading.
        whole = digest.hexdigest()
        prefix = f"datasets/{source.name}-{whole[:16]}"
        shards = {s: tuple(_upload(store, prefix, s, f) for f in fs) for s, fs in files.items()}
    manifest = Manifest(source.name, whole, meta, shards)
    write_manifest(store, manifest)
    store.put(index_key(source.fingerprint), dump_checksummed({"dataset": manifest.id}))
    return manifest


def _spool(
    source: Source, split: str, meta: Meta, digest: Any, folder: Path
) -> list[tuple[Path, int]]:
    """Write a split's shards to files, and its examples and labels into `digest`."""
    examples, labels = hashlib.sha256(), hashlib.sha256()
    files: list[tuple[Path, int]] = []
    for x, y in _regroup(source.chunks(split), max(1, SHARD_BYTES // meta.example_bytes)):
        _check(source.name, meta, x, y)
        examples.update(x.tobytes())
        labels.update(b"" if y is None else y.tobytes())
        file = folder / f"{split}-{len(files):05d}.parquet"
        _write(file, meta, source.name, x, y)
        files.append((file, len(x)))
    if not files:
        raise UserError(
            f"data set {source.name!r} has no {split} examples: put ten or more in a class, or "
            "make train and test folders."
        )
    digest.update(json.dumps([split, examples.hexdigest(), labels.hexdigest()]).encode())
    return files


def _regroup(chunks: Iterator[Chunk], rows: int) -> Iterator[Chunk]:
    """Yield the same examples, `rows` at a time, whatever chunks the reader makes."""
    import numpy as np

    xs: list[Any] = []
    ys: list[Any] = []
    for x, y in chunks:
        xs.append(x)
        ys.append(y)
        while sum(map(len, xs)) >= rows:
            whole, labels = np.concatenate(xs), None if y is None else np.concatenate(ys)
            yield whole[:rows], None if labels is None else labels[:rows]
            xs, ys = [whole[rows:]], [None if labels is None else labels[rows:]]
    if sum(map(len, xs)):
        yield np.concatenate(xs), None if ys[0] is None else np.concatenate(ys)


def _check(name: str, meta: Meta, x: NDArray[Any], y: NDArray[np.int64] | None) -> None:
    """Raise `UserError` for examples that are not what the reader's `meta` promised."""
    if x.shape[1:] != meta.shape or str(x.dtype) != meta.dtype or (y is None) == bool(meta.classes):
        raise UserError(
            f"data set {name!r} has examples of {x.shape[1:]} {x.dtype} among {meta.shape} "
            f"{meta.dtype}: keep one kind of data in a folder."
        )


def _write(file: Path, meta: Meta, name: str, x: NDArray[Any], y: NDArray[np.int64] | None) -> None:
    """Write one shard: pixels or points as fixed-size binary `x`, classes as int64 `y`."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    raw = pa.py_buffer(np.ascontiguousarray(x))
    columns = {
        "x": pa.FixedSizeBinaryArray.from_buffers(
            pa.binary(meta.example_bytes), len(x), [None, raw]
        )
    }
    if y is not None:
        columns["y"] = pa.array(y, pa.int64())
    sampler_spec = json.dumps({"name": name, **asdict(meta)})
    table = pa.table(columns).replace_schema_metadata({"gensweep": sampler_spec})
    rows = max(1, GROUP_BYTES // meta.example_bytes)
    pq.write_table(table, file, row_group_size=rows, compression="zstd", use_dictionary=False)


def _upload(store: ObjectStore, prefix: str, split: str, spooled: tuple[Path, int]) -> Shard:
    file, rows = spooled
    data = file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"{prefix}/{file.stem}-{sha256[:16]}.parquet"
    store.put(key, data)
    return Shard(key, rows, len(data), sha256)
