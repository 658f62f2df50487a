"""Finds the source that a user's word for a data set means."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from gensweep.data import _cifar, _idx
from gensweep.data._array_table import ArrayTable, is_array
from gensweep.data._cifar import CifarSource
from gensweep.data._column_table import ColumnTable, is_csv, may_be_numbers
from gensweep.data._idx import IdxSource
from gensweep.data._image_column import ImageColumn, may_hold_images
from gensweep.data._images import ImageFolder, is_image
from gensweep.data._options import ReadOptions
from gensweep.data._parquet import ParquetSource
from gensweep.data._parquet_table import ParquetTable
from gensweep.data._place import Place, open_place
from gensweep.data._source import Source
from gensweep.data._stacked import StackedMnist
from gensweep.data._synthetic import Digits, grid25, ring8
from gensweep.data._walk import readable
from gensweep.errors import UserError
from gensweep.storage import safe_name

BUILT_IN: dict[str, Callable[[], Source]] = {"digits": Digits, "grid25": grid25, "ring8": ring8}
STACKED = "stacked_mnist"
"""Made of the files of MNIST."""
NAMED = {
    "cifar10": _cifar.CLASSES,
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker",
        "Bag", "Ankle boot",
    ),
    "mnist": tuple("0123456789"),
}  # fmt: skip
_PICKLED = re.compile(r"(data_batch_\d|test_batch|batches\.meta)$|\.(pkl|pickle|pt|pth)$")


def find_source(
    spec: str,
    image_size: int | None = None,
    column: str | None = None,
    label: str | None = None,
    columns: tuple[str, ...] = (),
    pixel_range: tuple[float, float] | None = None,
    skip_bad: int = 0,
) -> Source:
    """Find the data set that `spec` means, without reading it.

    `spec` is a name (`digits`, `ring8`, `grid25`, `mnist`, `stacked_mnist`, `fashion_mnist`,
    `cifar10`), a name and where its files are (`mnist=/folder`, `cifar10=s3://bucket/prefix`), or
    a folder, archive, file or `s3://` prefix of images, Parquet, CSV or arrays. `pixel_range` are
    the values of a black and of a white pixel where the files do not say so, `skip_bad` is how many
    unreadable examples are left out before it is an error. Raises `UserError`.

    >>> find_source("digits").meta().shape
    (1, 8, 8)
    """
    options = ReadOptions(image_size=image_size, column=column, label=label,
                          columns=tuple(columns), pixel_range=pixel_range,
                          skip_bad=skip_bad)  # fmt: skip
    if spec in BUILT_IN:
        if options.given():
            raise UserError(f"{spec!r} has one form only: drop the image size, column and label.")
        return BUILT_IN[spec]()
    name, location = _locate(spec)
    return _recognise(name, open_place(location), options)


def _locate(spec: str) -> tuple[str, str]:
    """Split into name and location; a name is the part before a '=' that precedes any '/'."""
    name, equals, location = spec.partition("=")
    if equals and "/" not in name:
        if not name or not location or safe_name(name) != name:
            raise UserError(f"{spec!r} is no NAME=FOLDER: write, say, mnist=/data/mnist.")
        return name, location
    if spec in (*NAMED, STACKED):
        return spec, _search(spec, "mnist" if spec == STACKED else spec)
    if not spec or ("/" not in spec and not Path(spec).exists()):
        known = ", ".join(sorted([*BUILT_IN, *NAMED, STACKED]))
        raise UserError(
            f"unknown data set {spec!r}: choose from {known}, or name a folder or s3://bucket/..."
        )
    stem = readable(PurePosixPath(spec.rstrip("/")).stem).removesuffix(".tar")
    return safe_name(stem.lower() or "data", 40), spec


def _search(name: str, folder: str) -> str:
    """Find the `folder` of a named data set, in `$GENSWEEP_DATA` or in ./data."""
    base = os.environ.get("GENSWEEP_DATA")
    tried = [Path(base) / folder] if base else []
    tried.append(Path("data") / folder)
    for place in tried:
        if place.is_dir():
            return str(place)
    places = " or ".join(map(str, tried))
    raise UserError(
        f"the files of {name!r} are not in {places}: set GENSWEEP_DATA to the folder above, or "
        f"write {name}=/folder or {name}=s3://bucket/prefix."
    )


def _recognise(name: str, place: Place, options: ReadOptions) -> Source:
    """Choose the reader that suits the files of `place`; `UserError` if none does."""
    files = list(place.stamps)
    bases = {PurePosixPath(file).name for file in files}
    if any(file.lower().endswith(".parquet") for file in files):
        return _parquet(name, place, options)
    source = _fixed_size(name, place, bases)
    if source is not None:
        return _as_it_is(source, place, options)
    if any(map(is_image, files)):
        _check_columns(place, options)
        return ImageFolder(name, place, options)
    if any(map(is_array, files)):
        return _numbers(name, place, ArrayTable(place, options))
    if any(map(is_csv, files)):
        return _numbers(name, place, ColumnTable(place, options))
    if any(_PICKLED.search(base) for base in bases):
        raise UserError(
            f"{place.uri} has pickled files, which can run any code when opened: use the binary "
            "version (data_batch_1.bin, ...) or Parquet."
        )
    raise UserError(
        f"{place.uri} has no images, Parquet, IDX or CIFAR binary files, tables or arrays (but "
        f"{readable(min(bases))}): name the folder or the archive that has the data."
    )


def _check_columns(place: Place, options: ReadOptions) -> None:
    """`UserError` for columns of what has none."""
    if options.column is not None or options.label is not None or options.columns:
        raise UserError(f"{place.uri} has no Parquet files: drop column=, label= and columns=.")


def _as_it_is(source: Source, place: Place, options: ReadOptions) -> Source:
    """Take files of one form; `UserError` for options of others."""
    _check_columns(place, options)
    if options.image_size is not None:
        raise UserError(f"{source.name!r} has images of one size already: drop the image size.")
    if options.given():
        raise UserError(f"{source.name!r} has whole bytes: drop the range and skip_bad=.")
    if isinstance(source, IdxSource) and source.name == STACKED:
        return StackedMnist(source)
    return source


def _parquet(name: str, place: Place, options: ReadOptions) -> Source:
    """Read images where a column may hold some, and numbers otherwise."""
    schema = ParquetTable(place).schema
    asked = ImageColumn.named(options.column or "", schema.names).name
    fields = [field for field in schema if not asked or field.name in asked.split(",")]
    numeric = [field for field in fields if not may_hold_images(field) and may_be_numbers(field)]
    images = any(map(may_hold_images, fields))
    if images or not numeric:
        return ParquetSource(name, place, options, NAMED.get(name, ()))
    return _numbers(name, place, ColumnTable(place, options))


def _numbers(name: str, place: Place, table: ColumnTable | ArrayTable) -> Source:
    from gensweep.data._numbers import NumberSource

    options = table.options
    if options.columns or (options.image_size is not None and isinstance(table, ColumnTable)):
        raise UserError(f"{place.uri} holds numbers: drop the image size and columns=.")
    return NumberSource(name, place, table)


def _fixed_size(name: str, place: Place, bases: set[str]) -> Source | None:
    idx = {s + end for pair in _idx.FILES.values() for n in pair for s in _idx.spellings(n)
           for end in ("", ".gz")}  # fmt: skip
    if bases & idx:
        return IdxSource(name, place, NAMED.get(name, NAMED["mnist"]))
    if bases & {file for files in _cifar.FILES.values() for file in files}:
        return CifarSource(name, place)
    return None
