"""Finds the source that a user's word for a data set means."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gensweep.data._captions import CAPTION, Captioned
from gensweep.data._open_place import open_place
from gensweep.data._options import ReadOptions
from gensweep.data._parquet import ParquetSource
from gensweep.data._parquet_table import ParquetTable
from gensweep.data._recognise import NAMED, STACKED, recognise
from gensweep.data._source import Source
from gensweep.data._synthetic import Digits, grid25, ring8
from gensweep.data._walk import readable
from gensweep.errors import UserError, refuse_unreadable
from gensweep.storage import safe_name

MEND = "mend or replace its files"
BUILT_IN: dict[str, Callable[[], Source]] = {"digits": Digits, "grid25": grid25, "ring8": ring8}


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
    unreadable examples are left out before it is an error. Of `columns` a "caption" is made of
    classes and images where no Parquet has a column of that name. Raises `UserError`.

    >>> find_source("digits").meta().shape
    (1, 8, 8)
    """
    options = ReadOptions(image_size=image_size, column=column, label=label,
                          columns=tuple(columns), pixel_range=pixel_range,
                          skip_bad=skip_bad)  # fmt: skip
    with refuse_unreadable(f"the data {spec!r}", MEND):
        return _captioned(spec, options)


def _captioned(spec: str, options: ReadOptions) -> Source:
    if CAPTION not in options.columns:
        return _find(spec, options)
    others = tuple(name for name in options.columns if name != CAPTION)
    source = _find(spec, replace(options, columns=others))
    if isinstance(source, ParquetSource) and CAPTION in ParquetTable(source.place).schema.names:
        return replace(source, options=options)
    return Captioned(source)


def _find(spec: str, options: ReadOptions) -> Source:
    if spec in BUILT_IN:
        if options.given():
            raise UserError(
                f"{spec!r} has one form only: drop --image-size, --column, --label and the like."
            )
        return BUILT_IN[spec]()
    name, location = _locate(spec)
    return recognise(name, open_place(location), options)


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
