"""Reads arrays that numpy stored: points, or images as pixels."""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from gensweep.data._labels import Label, are_classes, read_labels
from gensweep.data._options import ReadOptions
from gensweep.data._place import Place, where
from gensweep.data._splits import WORDS, kind_of_file
from gensweep.errors import UserError
from gensweep.unpacking import check_members

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENDINGS = (".npy", ".npz")
CLASSES = {"class", "classes", "label", "labels", "target", "targets", "y"}
"""Words in the names of arrays that hold classes."""


@dataclass(frozen=True)
class ArrayTable:
    """Arrays by name, such as `x_train` and `y_train`, in `.npz` or `.npy` files."""

    place: Place
    options: ReadOptions

    @property
    def uri(self) -> str:
        return self.place.uri

    @cached_property
    def files(self) -> list[str]:
        """The names of arrays that hold examples, one for each split."""
        asked = self.options.column
        found = [name for name in self._arrays if _rest(name) not in CLASSES
                 and asked in (None, name, _rest(name))]  # fmt: skip
        if not found or len({_rest(name) for name in found}) > 1:
            raise UserError(f"{self.uri} has the arrays {', '.join(self._arrays)}: name that of "
                            "the examples by --column.")  # fmt: skip
        return sorted(found)

    def where(self, file: str) -> str:
        return f"{file} of {self.uri}"

    def rows(self, file: str) -> int:
        return len(self._arrays[file])

    def labels(self, file: str, column: str) -> list[Label]:
        import pyarrow as pa

        name = self._partner(file, column)
        if name is None:  # as tests of competitions have it
            return [None] * self.rows(file)
        found = self._arrays[name]
        if len(found) != self.rows(file) or found.size != len(found):
            raise UserError(f"{self.where(name)} has the shape {found.shape}, not one class for "
                            f"each of the {self.rows(file)} of {file}: correct it.")  # fmt: skip
        return read_labels(pa.array(found.reshape(-1)), name, self.uri)

    def examples(self, file: str) -> NDArray[Any]:
        """The numbers [rows, D], or images [rows, ...], of an array."""
        found = self._arrays[file]
        if found.dtype.kind not in "biuf":
            raise UserError(f"{self.where(file)} holds {found.dtype.name}, no numbers: name "
                            "that of the examples by --column.")  # fmt: skip
        return found[:, None] if found.ndim == 1 else found

    @cached_property
    def label(self) -> str | None:
        """The name of the array of classes, without its split."""
        asked = self.options.named_label
        if self.options.is_unlabelled:
            return None
        if asked is not None:
            if not any(self._partner(file, asked) for file in self.files):
                raise UserError(
                    f"{self.uri} has the arrays {', '.join(self._arrays)}, none of "
                    f"them {asked!r}: name another by --label."
                )
            return asked
        import pyarrow as pa

        found = min({_rest(name) for name in self._arrays} & CLASSES, default=None)
        parts = [self._arrays[name] for name in self._partners(found)]
        return found if all(are_classes(pa.array(part.reshape(-1))) for part in parts) else None

    @property
    def others(self) -> list[str]:
        """Files that are not read."""
        return [file for file in self.place.stamps if not is_array(file)]

    @property
    def told(self) -> str:
        """Say which arrays are read."""
        used = [*self.files, *self._partners(self.label)]
        rest = sorted({*self._arrays} - {*used})
        classes = f", classes of {self.label!r}" if self.label else ""
        aside = f", and not {', '.join(rest)}" if rest else ""
        return f"arrays {', '.join(self.files)}{classes}{aside}"

    def _partners(self, column: str | None) -> list[str]:
        found = [self._partner(file, column) for file in self.files] if column else []
        return [name for name in found if name is not None]

    def _partner(self, file: str, column: str) -> str | None:
        """Find the classes of the same split as `file`; None if it has none."""
        same = [name for name in self._arrays if kind_of_file(name) == kind_of_file(file)]
        found = [name for name in same if column in (name, _rest(name))]
        if len(found) > 1:
            raise UserError(f"{self.uri} has the arrays {' and '.join(found)} of classes for "
                            f"{file}: name one by --label.")  # fmt: skip
        return found[0] if found else None

    @cached_property
    def _arrays(self) -> dict[str, NDArray[Any]]:
        """All arrays by name; those of several files by the names of these, too."""
        files = sorted(f for f in self.place.stamps if is_array(f))
        found = dict[str, Any]()
        for file in files:
            stem = str(PurePosixPath(file).with_suffix(""))
            several = len(files) > 1
            for name, array in self._load(file).items():
                whole = "_".join(filter(None, (stem if several or not name else "", name)))
                found[whole] = array
        return found

    def _load(self, file: str) -> dict[str, NDArray[Any]]:
        """Load one file, whose only array has an empty name if it has none."""
        import numpy as np

        data = io.BytesIO(self.place.read(file))
        try:
            if zipfile.is_zipfile(data):
                check_members(zipfile.ZipFile(data).infolist(), where(self.place, file))
            data.seek(0)
            loaded = np.load(data, allow_pickle=False)
            arrays = {"": loaded} if isinstance(loaded, np.ndarray) else {**loaded}
        except UserError:
            raise
        except Exception as error:  # of any kind: a header may say that there are 10 ** 12 numbers
            raise UserError(
                f"{where(self.place, file)} cannot be read as arrays of numbers "
                f"({type(error).__name__}): store it anew, without objects."
            ) from None
        for name, array in arrays.items():
            if array.ndim == 0:
                raise UserError(f"{name or file} of {self.uri} is one number: remove it.")
        return arrays


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", PurePosixPath(name).name.lower())


def _rest(name: str) -> str:
    """An array's name without its split.

    >>> _rest("x_train"), _rest("train_images"), _rest("data")
    ('x', 'images', 'data')
    """
    return "_".join(word for word in _words(name) if word not in WORDS)


def is_array(file: str) -> bool:
    """Return whether a file holds arrays by its name."""
    return file.lower().endswith(ENDINGS)
