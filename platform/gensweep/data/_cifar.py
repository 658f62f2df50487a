"""Reads CIFAR-10's binary version: records of one label and 3072 pixels, plane by plane."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from gensweep.data._place import Place, fingerprint
from gensweep.data._source import Chunk, Meta
from gensweep.errors import UserError

RECORD = 1 + 3 * 32 * 32
CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
FILES = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}


@dataclass(frozen=True)
class CifarSource:
    """A source of CIFAR-10 from `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`."""

    name: str
    place: Place

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.name, self.place, {"format": "cifar"})

    def meta(self) -> Meta:
        for names in FILES.values():
            for name in names:
                self._check(self._find(name))
        return Meta(
            shape=(3, 32, 32),
            classes=10,
            class_names=CLASSES,
            protocol=f"{self.name}: CIFAR-10 binary version, its own split",
        )

    def chunks(self, split: str) -> Iterator[Chunk]:
        import numpy as np

        for name in FILES[split]:
            file = self._find(name)
            self._check(file)
            records = np.frombuffer(self.place.read(file), np.uint8).reshape(-1, RECORD)
            labels = records[:, 0].astype(np.int64)
            if labels.max() > 9:
                raise UserError(
                    f"{self.place.uri}/{file} has the label {labels.max()}, not 0 to 9: "
                    "fetch the binary version again."
                )
            yield Chunk(records[:, 1:].reshape(-1, 3, 32, 32), labels)

    def _find(self, name: str) -> str:
        found = [file for file in self.place.stamps if PurePosixPath(file).name == name]
        if not found:
            raise UserError(f"{self.place.uri} has no {name}: put all six .bin files there.")
        return min(found, key=lambda file: (file.count("/"), file))

    def _check(self, file: str) -> None:
        size = self.place.stamps[file][0]
        if size == 0 or size % RECORD:
            raise UserError(
                f"{self.place.uri}/{file} has {size} bytes, no multiple of {RECORD}: "
                "fetch it again."
            )
