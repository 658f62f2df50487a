"""Chooses the reader that suits the files of a data set."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

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
from gensweep.data._place import Place
from gensweep.data._source import Source
from gensweep.data._stacked import StackedMnist
from gensweep.data._walk import readable
from gensweep.errors import UserError

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


def recognise(name: str, place: Place, options: ReadOptions) -> Source:
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
    if options.column is not None or options.named_label is not None or options.columns:
        raise UserError(f"{place.uri} has no Parquet files: drop --column, --label and --columns.")


def _as_it_is(source: Source, place: Place, options: ReadOptions) -> Source:
    """Take files of one form; `UserError` for options of others."""
    _check_columns(place, options)
    if options.image_size is not None:
        raise UserError(f"{source.name!r} has images of one size already: drop --image-size.")
    if options.given():
        raise UserError(f"{source.name!r} has whole bytes: drop --pixel-range and --skip-bad.")
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

    if table.options.columns:
        raise UserError(
            f"{place.uri} holds numbers: drop --columns, and name those by --column a,b."
        )
    return NumberSource(name, place, table)


def _fixed_size(name: str, place: Place, bases: set[str]) -> Source | None:
    idx = {s + end for pair in _idx.FILES.values() for n in pair for s in _idx.spellings(n)
           for end in ("", ".gz")}  # fmt: skip
    if bases & idx:
        return IdxSource(name, place, NAMED.get(name, NAMED["mnist"]))
    if bases & {file for files in _cifar.FILES.values() for file in files}:
        return CifarSource(name, place)
    return None
