"""Loads a data set from the store, and ingests it first if it is new there."""

from __future__ import annotations

import re
from pathlib import Path

from gensweep.data._dataset import Dataset
from gensweep.data._dataset_cache import cache_folder, materialise
from gensweep.data._find_source import MEND, find_source
from gensweep.data._ingest import ingest
from gensweep.data._manifest import Manifest, look_up, read_manifest
from gensweep.data._source import SPLITS
from gensweep.errors import UserError, refuse_unreadable
from gensweep.storage import CorruptObjectError, MissingKeyError, ObjectStore

_ID = re.compile(r"[^/=]+-[0-9a-f]{16}")


def load_dataset(  # noqa: PLR0913 (five choose what is read, and how)
    spec: str,
    store: ObjectStore,
    split: str = "train",
    *,
    image_size: int | None = None,
    column: str | None = None,
    label: str | None = None,
    columns: tuple[str, ...] = (),
    pixel_range: tuple[float, float] | None = None,
    skip_bad: int = 0,
    cache: Path | None = None,
) -> Dataset:
    """Load one split of a data set, which is ingested into `store` if it is new there.

    `spec` is what `find_source` takes, or the `id` of an ingested data set, which needs no
    source files and so loads on every machine of a cluster. `column` and `label` choose among
    Parquet columns, of which `columns` are others that batches have, too. Other options are those
    of `find_source`. Raises `UserError` for bad input. Any number of processes may load at once.
    """
    if split not in SPLITS:
        raise UserError(f"unknown split {split!r}: choose from {', '.join(SPLITS)}.")
    cache = cache or cache_folder()
    with refuse_unreadable(f"the data {spec!r}", MEND):
        if _ID.fullmatch(spec) and not Path(spec).exists():
            return _open_known(spec, split, store, cache)
        source = find_source(spec, image_size, column, label, columns, pixel_range, skip_bad)
        manifest = look_up(store, source.fingerprint)
        if manifest is None:
            manifest = ingest(source, store, cache / "scratch")
        try:
            return _open(manifest, split, store, cache)
        except (CorruptObjectError, MissingKeyError):  # a damaged store heals from the source
            return _open(ingest(source, store, cache / "scratch"), split, store, cache)


def _open(manifest: Manifest, split: str, store: ObjectStore, cache: Path) -> Dataset:
    return Dataset(manifest, split, materialise(manifest, split, store, cache))


def _open_known(identifier: str, split: str, store: ObjectStore, cache: Path) -> Dataset:
    manifest = read_manifest(store, identifier)
    if manifest is None:
        raise UserError(
            f"data set {identifier!r} is not in {store.uri}: load it from its source first."
        )
    try:
        return _open(manifest, split, store, cache)
    except (CorruptObjectError, MissingKeyError) as error:
        raise UserError(
            f"data set {identifier!r} is damaged in {store.uri} ({error}): load it from its "
            "source again."
        ) from None
