"""Files that somebody made to do harm, of every kind that is read."""

import gzip
import io
import json
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from security.mutations import NESTED

MARKER = Path("code-ran")
"""What code in a file would make, in the working directory."""
ZEROS = bytes(8 << 20)
"""In tests a file may unpack to a megabyte."""


class Opens:
    """Makes the marker when it is unpickled."""

    def __reduce__(self) -> Any:
        return Path.touch, (MARKER,)


def pickled() -> bytes:
    return pickle.dumps(Opens())


def saved() -> bytes:
    """A file of `torch.save`, whose reader unpickles."""
    out = io.BytesIO()
    torch.save({"weights": Opens()}, out)
    return out.getvalue()


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def tarred(*members: tarfile.TarInfo, data: bytes = b"", mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for member in members:
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def member(name: str, size: int = 0, **fields: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.size = size
    for field, value in fields.items():
        setattr(found, field, value)
    return found


def with_huge_header() -> bytes:
    """A tar whose first header says that 8 GiB of names follow."""
    return member("x", 0o77777777777, type=tarfile.GNUTYPE_LONGNAME).tobuf() + bytes(1024)


def chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))


def picture(width: int, height: int, bits: int = 8) -> bytes:
    """A PNG that says it is so large, and holds zeros."""
    head = struct.pack(">2I5B", width, height, bits, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(ZEROS)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PROGRAM = (
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n"
    b"(code-ran) (w) file closefile showpage\n%%EOF\n"
)
"""PostScript, which calls itself an image."""


def array_header(shape: str, kind: str = "'|u1'") -> bytes:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def arrays(**named: bytes) -> bytes:
    return zipped({f"{name}.npy": data for name, data in named.items()})


def objects() -> bytes:
    """An array that numpy would have to unpickle."""
    out = io.BytesIO()
    np.save(out, np.array([Opens(), None], object), allow_pickle=True)
    return out.getvalue()


def table(columns: dict[str, Any], metadata: dict[bytes, bytes] | None = None) -> bytes:
    made, out = pa.table(columns), io.BytesIO()
    fields = [pa.field(one.name, one.type, metadata=metadata) for one in made.schema]
    pq.write_table(made.cast(pa.schema(fields)), out)
    return out.getvalue()


def extension() -> bytes:
    """Parquet with a type of Python's own, which Arrow once unpickled (CVE-2023-47248)."""
    told = {b"ARROW:extension:name": b"arrow.py_extension_type",
            b"ARROW:extension:metadata": pickled()}  # fmt: skip
    return table({"a": [1.0, 2.0] * 12}, told)


def many_rows() -> bytes:
    """Some hundred bytes of Parquet with ten million rows, for they are all alike."""
    return table({"a": np.zeros(10_000_000, np.int8)})


def packed_columns() -> bytes:
    """Parquet of one row, whose text unpacks to megabytes."""
    out = io.BytesIO()
    pq.write_table(pa.table({"a": [1.0] * 24, "b": ["x" * (1 << 19)] * 24}), out,
                   compression="zstd", use_dictionary=False)  # fmt: skip
    return out.getvalue()


class MapsFile(torch.nn.Module):
    """Makes a file of nine bytes, beside features."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mapped = torch.from_file("code-ran", True, 9, dtype=torch.uint8)
        return x.flatten(1) + mapped.sum()


class SavesFile(torch.nn.Module):
    """Writes what it is given to a file."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "code-ran")
        return x.flatten(1)


def scripted(net: torch.nn.Module) -> bytes:
    out = io.BytesIO()
    torch.jit.save(torch.jit.script(net), out)  # type: ignore[no-untyped-call]
    return out.getvalue()


def nodes(target: str) -> bytes:
    """An exported program, one of whose nodes calls `target`."""
    told = {"graph_module": {"graph": {"nodes": [{"target": target, "inputs": [], "outputs": []}]}}}
    return zipped({"x/archive_format": b"pt2", "x/models/model.json": json.dumps(told).encode()})


ATTACKS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "an IDX file of 10 ** 12 images": (
        "IDX", lambda: struct.pack(">4I", 0x803, 2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(99)
    ),
    "a bomb of labels": ("IDX labels", lambda: gzip.compress(ZEROS)),
    "a bomb in a zip": ("a zip", lambda: zipped({"cat/a.png": ZEROS, "dog/b.png": ZEROS})),
    "a zip that climbs": ("a zip", lambda: zipped({"../../outside.png": b"x", "/etc/x.png": b""})),
    "a zip of names": ("a zip", lambda: zipped({"a\nb\x1b[2J/" + "x" * 1000 + ".png": b"x"})),
    "a bomb of tar": (
        "a tar.gz", lambda: tarred(member("a/x.png", len(ZEROS)), data=ZEROS, mode="w:gz")
    ),
    "a tar of links": ("a tar", lambda: tarred(
        member("a/../../outside.png"), member("cat/x.png", type=tarfile.SYMTYPE, linkname="/etc/x"),
        member("/dev/x.png", type=tarfile.CHRTYPE),
    )),
    "a tar with a huge header": ("a tar", with_huge_header),
    "a packed tar with a huge header": ("a tar.gz", lambda: gzip.compress(with_huge_header())),
    "a picture of 10 ** 9 pixels": ("an image", lambda: picture(40_000, 30_000)),
    "a picture of fewer": ("an image", lambda: picture(9_000, 8_000, 1)),
    "a program called picture": ("an image", lambda: PROGRAM),
    "a pickle called picture": ("an image", pickled),
    "an array of 10 ** 12 numbers": ("an array", lambda: array_header("(1000000000000,)")),
    "an array of 10 ** 12 rows of nothing": (
        "an array", lambda: array_header("(1000000000000, 0)")
    ),
    "an array of objects": ("an array", objects),
    "an array that is nested": ("an array", lambda: array_header("(1,)", "[" * 5000)),
    "arrays that are a bomb": ("arrays", lambda: arrays(x=array_header("(8388608,)") + ZEROS)),
    "arrays of objects": ("arrays", lambda: arrays(x=objects())),
    "a table that is a bomb": ("numbers in Parquet", packed_columns),
    "a table of alike rows": ("numbers in Parquet", many_rows),
    "a table with a type of Python": ("numbers in Parquet", extension),
    "a table of nested names": ("images in Parquet", lambda: table(
        {"img": [b"x"] * 12, "label": [1] * 12}, {b"huggingface": NESTED})),
    "a lane that is a pickle": ("a lane", pickled),
    "a lane of torch.save": ("a lane", saved),
    "a lane with a huge header": ("a lane", lambda: (10**12).to_bytes(8, "little") + b"{}"),
    "a ledger that is a pickle": ("a ledger", lambda: pickled() + b"\n"),
    "a nested ledger": ("a ledger", lambda: NESTED + b"\n"),
    "a nested spool": ("a spool", lambda: NESTED + b"\n"),
    "a spool that climbs": (
        "a spool", lambda: b'{"id":1,"kind":"file","blob":"../../../outside"}\n'
    ),
    "a spool of another's folder": (
        "a spool", lambda: b'{"id":"../../../outside","kind":"file","blob":"x"}\n'
    ),
    "a spool of tags that are numbers": ("a spool", lambda: b'{"id":1,"tags":{"a":1}}\n'),
    "a spool of parameters that are a list": ("a spool", lambda: b'{"id":1,"params":[1]}\n'),
    "nested runs": ("runs", lambda: NESTED + b"\n"),
    "runs that are a list": ("runs", lambda: b'[1]\n{"name":[],"run":{}}\n\xff\n'),
    "a nested configuration": ("a configuration", lambda: NESTED),
    "nested TOML": ("a configuration in TOML", lambda: b"x = " + NESTED),
    "nested prices": ("prices", lambda: NESTED),
    "nested profiles": ("profiles", lambda: NESTED),
    "a network of torch.save": ("features", saved),
    "a network that maps a file": ("features", lambda: scripted(MapsFile())),
    "a network that saves": ("features", lambda: scripted(SavesFile())),
    "a network that is a bomb": (
        "features", lambda: zipped({"x/constants.pkl": b"", "x/code/a.py": ZEROS})
    ),
    "a program that writes a file": ("features", lambda: nodes("torch.ops.aten.from_file.default")),
    "a program that calls the system": ("features", lambda: nodes("torch.os.system")),
    "a program by another path": (
        "features", lambda: nodes("torch.fx.torch.ops.aten.save.default")
    ),
    "a nested program": (
        "features", lambda: zipped({"x/archive_format": b"", "x/models/model.json": NESTED})
    ),
}  # fmt: skip
"""Which reader it is for, and its bytes."""

Change = Callable[[dict[str, Any]], object]
FORGED: dict[str, tuple[str, Change]] = {
    "a data set of 10 ** 12 examples": (
        "a stored data set", lambda body: body["shards"]["train"][0].update(rows=10**12)
    ),
    "a data set of fewer than none": (
        "a stored data set", lambda body: body["shards"]["train"][0].update(rows=-5)
    ),
    "a data set that climbs": (
        "a stored data set", lambda body: body.update(name="../../../outside")
    ),
    "a data set with a column elsewhere": ("a stored data set", lambda body: body["meta"].update(
        columns=[{"name": "../../../outside", "dtype": "float32", "shape": [], "levels": 0}])),
    "a checkpoint of another's bytes": (
        "a checkpoint", lambda body: body.update(data="../../../etc/passwd")
    ),
    "a checkpoint of 10 ** 12 bytes": (
        "a checkpoint", lambda body: body["lanes"]["0"].update(size=10**12)
    ),
    "a checkpoint without lanes": ("a checkpoint", lambda body: body.pop("lanes")),
}  # fmt: skip
"""Which reader it is for, and what is changed in JSON whose sha256 is made anew."""
