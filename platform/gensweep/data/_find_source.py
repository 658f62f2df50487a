"""Finds the source that a user's word for a data set means."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gensweep.data import _cifar, _idx
from gensweep.data._captions import CAPTION, Captioned
from gensweep.data._cifar import CifarSource
from gensweep.data._idx import IdxSource
from gensweep.data._images import ImageFolder, is_image
from gensweep.data._parquet import ParquetSource
from gensweep.data._place import Place, open_place
from gensweep.data._source import Source
from gensweep.data._stacked import StackedMnist
from gensweep.data._synthetic import Digits, grid25, ring8
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
    spec: str, image_size: int | None = None, column: str | None = None, label: str | None = None,
    columns: tuple[str, ...] = (),
) -> Source:  # fmt: skip
    """Find the data set that `spec` means, without reading it.

    `spec` is a name (`digits`, `ring8`, `grid25`, `mnist`, `stacked_mnist`, `fashion_mnist`,
    `cifar10`), a name and where its files are (`mnist=/folder`, `cifar10=s3://bucket/prefix`), or
    a folder, file or `s3://` prefix of images or Parquet. Of `columns` a "caption" is made where
    there is no Parquet that has it. Raises `UserError`.

    >>> find_source("digits").meta().shape
    (1, 8, 8)
    """
    if CAPTION in columns:
        others = tuple(name for name in columns if name != CAPTION)
        source = find_source(spec, image_size, column, label, others)
        if isinstance(source, ParquetSource):
            return replace(source, columns=tuple(columns))
        return Captioned(source)
    if spec in BUILT_IN:
        if (image_size, column, label, columns) != (None, None, None, ()):
            raise UserError(f"{spec!r} has one form only: drop the image size, column and label.")
        return BUILT_IN[spec]()
    name, location = _locate(spec)
    return _recognise(name, open_place(location), image_size, column, label, columns)


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
    return safe_name(PurePosixPath(spec.rstrip("/")).stem.lower() or "data", 40), spec


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


def _recognise(
    name: str, place: Place, image_size: int | None, column: str | None, label: str | None,
    columns: tuple[str, ...],
) -> Source:  # fmt: skip
    """Choose the reader that suits the files of `place`; `UserError` if none does."""
    files = list(place.stamps)
    bases = {PurePosixPath(file).name for file in files}
    if any(file.lower().endswith(".parquet") for file in files):
        names = NAMED.get(name, ())
        return ParquetSource(name, place, image_size, column, label, names, tuple(columns))
    if column is not None or label is not None or columns:
        raise UserError(f"{place.uri} has no Parquet files: drop column=, label= and columns=.")
    source = _fixed_size(name, place, bases)
    if isinstance(source, IdxSource) and name == STACKED:
        source = StackedMnist(source)
    if source and image_size is not None:
        raise UserError(f"{name!r} has images of one size already: drop the image size.")
    if source:
        return source
    if any(is_image(file) for file in files):
        return ImageFolder(name, place, image_size)
    if any(_PICKLED.search(base) for base in bases):
        raise UserError(
            f"{place.uri} has pickled files, which can run any code when opened: use the binary "
            "version (data_batch_1.bin, ...) or Parquet."
        )
    raise UserError(
        f"{place.uri} has no images, Parquet, IDX or CIFAR binary files (but {min(bases)}): "
        "name the folder that has the data."
    )


def _fixed_size(name: str, place: Place, bases: set[str]) -> Source | None:
    idx = {s + end for pair in _idx.FILES.values() for n in pair for s in _idx.spellings(n)
           for end in ("", ".gz")}  # fmt: skip
    if bases & idx:
        return IdxSource(name, place, NAMED.get(name, NAMED["mnist"]))
    if bases & {file for files in _cifar.FILES.values() for file in files}:
        return CifarSource(name, place)
    return None
