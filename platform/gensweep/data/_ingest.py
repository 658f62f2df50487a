"""Ingests a source into Parquet shards in the object store, once.

A shard's key has its own sha256 and the manifest is written last: processes that ingest the same
data at once, even with different versions of Parquet, leave a manifest whose shards are whole.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.data._manifest import Manifest, Shard, index_key, write_manifest
from gensweep.data._source import SPLITS, Chunk, Meta, Source
from gensweep.data._tally import Tally
from gensweep.errors import UserError
from gensweep.storage import ObjectStore, dump_checksummed

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        digest = hashlib.sha256(json.dumps(_head(meta)).encode())
        tally = Tally(source)
        files = {split: _spool(tally, split, meta, digest, Path(folder)) for split in SPLITS}
        notes = tally.notes(meta)
        _check_splits(source.name, files)
        # The name of the shards' folder is the digest of all examples, which is known only after
        # the last one: hence the files on the way, and no upload while reading.
        whole = digest.hexdigest()
        prefix = f"datasets/{source.name}-{whole[:16]}"
        shards = {s: tuple(_upload(store, prefix, s, f) for f in fs) for s, fs in files.items()}
    # The protocol of one that was read may say more.
    manifest = Manifest(source.name, whole, source.meta(), shards, notes)
    write_manifest(store, manifest)
    store.put(index_key(source.fingerprint), dump_checksummed({"dataset": manifest.id}))
    return manifest


def _check_splits(name: str, files: Mapping[str, list[tuple[Path, int]]]) -> None:
    """`UserError` if a split has no examples."""
    for split, found in files.items():
        if not found:
            raise UserError(f"data set {name!r} has no {split} examples: put two or more there, or "
                            "make train and test folders.")  # fmt: skip


def _head(meta: Meta) -> list[Any]:
    """What data sets differ in beside their numbers; classes that have no names go by theirs."""
    numbers = tuple(str(i) for i in range(meta.classes))
    names = [] if meta.class_names in ((), numbers) else [meta.class_names]
    units = [meta.mean, meta.std] if meta.mean else []
    return [meta.shape, meta.classes, meta.levels, *names, *units]


def _spool(
    tally: Tally, split: str, meta: Meta, digest: Any, folder: Path
) -> list[tuple[Path, int]]:
    """Write a split's shards to files, and its examples and labels into `digest`."""
    examples, labels, others = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    files: list[tuple[Path, int]] = []
    name = tally.source.name
    for chunk in _regroup(tally.chunks(split), max(1, SHARD_BYTES // meta.example_bytes)):
        _check(name, meta, chunk)
        examples.update(chunk.x.tobytes())
        labels.update(b"" if chunk.y is None else chunk.y.tobytes())
        for column in meta.columns:
            others.update(chunk.columns[column.name].tobytes())
        file = folder / f"{split}-{len(files):05d}.parquet"
        _write(file, meta, name, chunk)
        files.append((file, len(chunk.x)))
    parts = [split, examples.hexdigest(), labels.hexdigest()]
    if meta.columns:  # else the hash is what it was before there were any
        parts += [*(column.name for column in meta.columns), others.hexdigest()]
    digest.update(json.dumps(parts).encode())
    return files


def _regroup(chunks: Iterator[Chunk], rows: int) -> Iterator[Chunk]:
    """Yield the same examples, `rows` at a time, whatever chunks the reader makes."""
    waiting: list[Chunk] = []
    for chunk in chunks:
        waiting.append(chunk)
        while sum(len(one.x) for one in waiting) >= rows:
            whole = _joined(waiting)
            yield _cut(whole, slice(rows))
            waiting = [_cut(whole, slice(rows, None))]
    if sum(len(one.x) for one in waiting):
        yield _joined(waiting)


def _joined(chunks: list[Chunk]) -> Chunk:
    import numpy as np

    first = chunks[0]
    return Chunk(
        np.concatenate([one.x for one in chunks]),
        None if first.y is None else np.concatenate([one.y for one in chunks if one.y is not None]),
        {name: np.concatenate([one.columns[name] for one in chunks]) for name in first.columns},
    )


def _cut(chunk: Chunk, rows: slice) -> Chunk:
    return Chunk(
        chunk.x[rows],
        None if chunk.y is None else chunk.y[rows],
        {name: values[rows] for name, values in chunk.columns.items()},
    )


def _check(name: str, meta: Meta, chunk: Chunk) -> None:
    """Raise `UserError` for examples that are not what the reader's `meta` promised."""
    x, y = chunk.x, chunk.y
    if (y is None) == bool(meta.classes):
        have = "no classes" if y is None else "classes"
        raise UserError(f"data set {name!r} has examples that have {have} among {meta.classes} "
                        "classes: give all examples a class, or none.")  # fmt: skip
    if x.shape[1:] != meta.shape or str(x.dtype) != meta.dtype:
        raise UserError(
            f"data set {name!r} has examples of {x.shape[1:]} {x.dtype} among {meta.shape} "
            f"{meta.dtype}: keep one kind of data in a folder."
        )


def _write(file: Path, meta: Meta, name: str, chunk: Chunk) -> None:
    """Write one shard: pixels or points as fixed-size binary `x`, classes as int64 `y`.

    Other columns are fixed-size binary too.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {"x": _binary(chunk.x)}
    if chunk.y is not None:
        columns["y"] = pa.array(chunk.y, pa.int64())
    columns |= {one.name: _binary(chunk.columns[one.name]) for one in meta.columns}
    sampler_spec = json.dumps({"name": name, **asdict(meta)})
    table = pa.table(columns).replace_schema_metadata({"gensweep": sampler_spec})
    rows = max(1, GROUP_BYTES // meta.example_bytes)
    pq.write_table(table, file, row_group_size=rows, compression="zstd", use_dictionary=False)


def _binary(values: NDArray[Any]) -> Any:
    """View an array `[n, ...]` as `n` entries of equally many bytes."""
    import numpy as np
    import pyarrow as pa

    raw = np.ascontiguousarray(values)
    size = raw[:1].nbytes
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(size), len(raw), [None, pa.py_buffer(raw)]
    )


def _upload(store: ObjectStore, prefix: str, split: str, spooled: tuple[Path, int]) -> Shard:
    file, rows = spooled
    data = file.read_bytes()
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"{prefix}/{file.stem}-{sha256[:16]}.parquet"
    store.put(key, data)
    return Shard(key, rows, len(data), sha256)
