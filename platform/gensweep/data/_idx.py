"""Reads the IDX format of MNIST and its kin: big-endian header, then bytes; plain or gzipped."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gensweep.data._place import Place, fingerprint
from gensweep.data._source import SPLITS, Chunk, Meta
from gensweep.errors import UserError
from gensweep.unpacking import gunzip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = {
    "train": ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"),
    "test": ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
}
IMAGES, LABELS = 0x803, 0x801


@dataclass(frozen=True)
class IdxSource:
    """A source of grey images and labels in the four files of MNIST."""

    name: str
    place: Place
    class_names: tuple[str, ...] = tuple("0123456789")

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.name, self.place, {"format": "idx"})

    def meta(self) -> Meta:
        shapes = {split: next(self.chunks(split))[0].shape[1:] for split in SPLITS}
        if shapes["train"] != shapes["test"]:
            raise UserError(
                f"{self.place.uri} has training images of {shapes['train']} and test images of "
                f"{shapes['test']}: keep one data set in a folder."
            )
        return Meta(
            shape=shapes["train"],
            classes=len(self.class_names),
            class_names=self.class_names,
            protocol=f"{self.name}: IDX files, their own split",
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        files = [find(self.place, name) for name in FILES[split]]
        images = parse(self._bytes(files[0]), IMAGES, self._where(files[0]))
        labels = parse(self._bytes(files[1]), LABELS, self._where(files[1])).astype(np.int64)
        if len(images) != len(labels):
            raise UserError(
                f"{self._where(files[0])} has {len(images)} images but {files[1]} has "
                f"{len(labels)} labels: fetch both from one source."
            )
        if labels.size and labels.max() >= len(self.class_names):
            raise UserError(
                f"{self._where(files[1])} has the label {labels.max()}, beyond the "
                f"{len(self.class_names)} classes of {self.name}: fetch the file again."
            )
        yield Chunk(images[:, None], labels)

    def _where(self, file: str) -> str:
        return f"{self.place.uri}/{file}"

    def _bytes(self, file: str) -> bytes:
        data = self.place.read(file)
        if not file.endswith(".gz"):
            return data
        try:
            return gunzip(data, self._where(file))
        except (EOFError, OSError, zlib.error):
            raise UserError(f"{self._where(file)} is no whole gzip file: fetch it again.") from None


def find(place: Place, name: str) -> str:
    """Find the file `name`, plain or gzipped, in any folder of `place`; the least deep one.

    Raises `UserError` if there is none.
    """
    wanted = {spelling + end for spelling in spellings(name) for end in ("", ".gz")}
    found = [file for file in place.stamps if PurePosixPath(file).name in wanted]
    if not found:
        raise UserError(f"{place.uri} has no {name} or {name}.gz: put all four IDX files there.")
    return min(found, key=lambda file: (file.count("/"), file))


def spellings(name: str) -> tuple[str, str]:
    """Return MNIST's own name of a file, and the one that many unpackers make of it."""
    return name, name.replace("-idx", ".idx")


def parse(data: bytes, magic: int, where: str) -> NDArray[np.uint8]:
    """Decode an IDX file of unsigned bytes; `UserError` unless `magic` and length are right.

    The low byte of `magic` is the number of dimensions.
    """
    import numpy as np

    dims = magic & 0xFF
    header = 4 + 4 * dims
    if len(data) < header:
        raise UserError(f"{where} is cut off in its header: fetch it again.")
    found, *shape = struct.unpack(f">{1 + dims}I", data[:header])
    if found != magic:
        raise UserError(f"{where} begins with {found:#010x}, not {magic:#010x}: it is no such IDX.")
    expected = header
    for length in shape:
        expected = header + (expected - header or 1) * length
    if len(data) != expected:
        raise UserError(f"{where} has {len(data)} bytes instead of {expected}: fetch it again.")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)
