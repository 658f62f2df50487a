"""Photos whose EXIF block is broken are read, upright where the block tells."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gensweep.data import load_dataset
from gensweep.storage import ObjectStore

Field = tuple[int, int, int, bytes]
"""Tag, type, count and bytes of a TIFF field."""
SIDEWAYS: Field = (0x0112, 3, 1, struct.pack("<H", 6))
BROKEN: dict[str, Field] = {
    "a signed rational for a resolution": (0x011A, 10, 1, struct.pack("<ii", -72, 1)),
    "text for a resolution": (0x011A, 2, 6, b"seven\0"),
    "a number for a maker": (0x010F, 3, 1, struct.pack("<H", 7)),
    "a signed rational for software": (0x0131, 10, 1, struct.pack("<ii", -72, 1)),
    "no such type": (0x0131, 77, 1, b"abcd"),
    "a value beyond the end": (0x0131, 2, 99, struct.pack("<I", 9999)),
}


def exif(*fields: Field) -> bytes:
    """A little-endian EXIF block with one directory."""
    body, start = b"", 8 + 2 + 12 * len(fields) + 4
    directory = struct.pack("<H", len(fields))
    for tag, kind, count, value in sorted(fields):
        place = value.ljust(4, b"\0")
        if len(value) > 4:
            place, body = struct.pack("<I", start + len(body)), body + value
        directory += struct.pack("<HHI", tag, kind, count) + place
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory + bytes(4) + body


def read(store: ObjectStore, folder: Path, block: bytes) -> tuple[bytes, np.ndarray]:
    """A JPEG with that block, and its pixels as the loader reads them."""
    out = io.BytesIO()
    Image.effect_noise((8, 6), 99).save(out, "jpeg", exif=block)
    folder.mkdir()
    for i in range(10):
        (folder / f"{i}.jpg").write_bytes(out.getvalue())
    return out.getvalue(), load_dataset(str(folder), store).arrays()["x"][0, 0]


@pytest.mark.parametrize("broken", BROKEN)
def test_the_orientation_is_read_beside_a_broken_field(
    store: ObjectStore, tmp_path: Path, broken: str
) -> None:
    data, pixels = read(store, tmp_path / "set", exif(SIDEWAYS, BROKEN[broken]))
    stored = np.asarray(Image.open(io.BytesIO(data)))
    assert np.array_equal(pixels, np.rot90(stored, -1))


@pytest.mark.parametrize(
    "orientation",
    [(0x0112, 2, 2, b"?\0"), (0x0112, 10, 1, struct.pack("<ii", -6, 0)), (0x0112, 3, 0, b"")],
)
def test_a_photo_whose_orientation_is_broken_is_read_as_it_lies(
    store: ObjectStore, tmp_path: Path, orientation: Field
) -> None:
    data, pixels = read(store, tmp_path / "set", exif(orientation, BROKEN["text for a resolution"]))
    assert np.array_equal(pixels, np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("turn", range(1, 9))
def test_every_orientation_is_turned_as_pillow_turns_it(
    store: ObjectStore, tmp_path: Path, turn: int
) -> None:
    from PIL import ImageOps

    block = exif((0x0112, 3, 1, struct.pack("<H", turn)))
    data, pixels = read(store, tmp_path / "set", block)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert np.array_equal(pixels, np.asarray(upright))
