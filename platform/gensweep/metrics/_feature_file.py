"""Feature networks that come as files: TorchScript, or an exported program (`.pt2`).

Neither is unpickled. TorchScript has a reader of its own; that of exported programs falls back to
Python's pickle, and evaluates expressions, so that a file which would make it is refused first. So
are operators that write files, which both may call.
"""

# B batch, F features
from __future__ import annotations

import ast
import copy
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gensweep.errors import UserError, refuse_unreadable
from gensweep.metrics._feature_input import FeatureInput
from gensweep.unpacking import check_members

__all__ = ["FileFeatures"]

HOW = "save it by torch.jit.save or torch.export.save"
WORD = re.compile(r"[^\W\d]\w*")
NAMESPACES = "aten|higher_order|prims|quantized|torchvision"
"""Of the operators that a network may call."""
HARMFUL = frozenset(("from_file", "load_tensor", "rpc_async", "rpc_remote", "rpc_sync", "save"))
"""Operators that write files, or ask other machines; TorchScript runs some when it is loaded."""
OPERATOR = re.compile(rf"torch\.ops\.(?:{NAMESPACES})\.(\w+)(?:\.\w+)?|(?:_operator|math)\.\w+"
                      r"|torch\._?sym_\w+")  # fmt: skip
"""Of a node of an exported program: its reader takes any path through torch's modules."""
CALL = "target of a node"
SYMBOL = re.compile(r"[a-z]\d*")
"""A size that varies, such as s0."""
PARTS = (
    ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp,
    ast.operator, ast.unaryop, ast.Compare, ast.cmpop,
)  # fmt: skip
"""Of an expression of sizes: no attribute, subscript or lambda."""


@dataclass(frozen=True, eq=False)
class FileFeatures:
    """Features [B, F] of images by the network of a file, addressed by the file's sha256."""

    net: Callable[[Tensor], Any]
    hash: str
    kind: str
    """What the file is, in words."""
    input: FeatureInput

    @classmethod
    def load(cls, data: bytes, input: FeatureInput, name: str = "the file") -> FileFeatures:
        """Read a network from a file's bytes; `UserError`, with its `name`, for any other file."""
        with refuse_unreadable(f"features {name}", HOW):
            kind, read, members = _reader(data, name)
        try:
            net = read(_packed(members))
        except Exception as error:
            raise UserError(f"features {name}: the {kind} cannot be read ({_line(error)}): "
                            f"{HOW} with this version of torch.") from error  # fmt: skip
        return cls(net, hashlib.sha256(data).hexdigest(), kind, input)

    @property
    def protocol(self) -> dict[str, object]:
        """The statement of how images are made into its input, as JSON."""
        return self.input.protocol

    def features(self, images: Tensor) -> Tensor:
        """Return features [B, F] of images [B, C, H, W] in [-1, 1]; `UserError` if it gives none.

        What a network gives is flattened, of a list its first tensor.
        """
        x = self.input.prepare(images)
        try:
            found = self.net(x)
        except Exception as error:
            raise UserError(
                f"features: the {self.kind} refuses images {tuple(x.shape)} ({_line(error)}): "
                "export it with a first dimension of any size, and choose its feature_input."
            ) from error
        found = found[0] if isinstance(found, list | tuple) and found else found
        if not isinstance(found, Tensor) or found.ndim < 2 or len(found) != len(x):
            told = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            raise UserError(f"features: the {self.kind} gives {told} for {len(x)} images: it must "
                            f"give a tensor ({len(x)}, features).")  # fmt: skip
        return found.flatten(1).float()

    def to(self, device: torch.device | str) -> FileFeatures:
        """Return the same network on `device`."""
        moved: Any = copy.deepcopy(self.net)  # for moving changes the network itself
        return FileFeatures(moved.to(device), self.hash, self.kind, self.input)


Members = Mapping[str, bytes]
"""The files of an archive by their names."""


def _reader(data: bytes, name: str) -> tuple[str, Callable[[io.BytesIO], Any], Members]:
    """Tell what a file is, how it is read, and what it holds.

    `UserError` for what would have to be unpickled, or does more than compute.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {n.partition("/")[2]: n for n in archive.namelist()}
            if "constants.pkl" in files and any(n.startswith("code/") for n in files):
                members = _members(archive, name)
                _check_script(members, name)
                return "TorchScript", _script, members
            if "archive_format" in files and "models/model.json" in files:
                members = _members(archive, name)
                _check_program(members, name)
                return "exported program", _exported, members
    except zipfile.BadZipFile:
        files = {}
    what = "holds pickled weights" if "data.pkl" in files else "is neither TorchScript nor .pt2"
    raise UserError(f"features {name} {what}, which is never unpickled: {HOW}.")


def _members(archive: zipfile.ZipFile, name: str) -> Members:
    """Read the files of an archive; `UserError` if two have one name, or they are a bomb."""
    if len(set(archive.namelist())) < len(archive.namelist()):  # which of two would be read?
        raise UserError(f"features {name} holds two files of one name: {HOW}.")
    check_members(archive.infolist(), f"features {name}")
    return {file: archive.read(file) for file in archive.namelist()}


def _check_script(members: Members, name: str) -> None:
    """`UserError` for TorchScript that calls an operator which writes files."""
    for file, data in members.items():
        if file.endswith(".py") and (found := HARMFUL & {*WORD.findall(data.decode())}):
            raise UserError(f"features {name}: {file} calls {min(found)!r}, which does more than "
                            "compute: leave it out of the network.")  # fmt: skip


def _check_program(members: Members, name: str) -> None:
    """`UserError` for a file of a program that its reader would unpickle or evaluate, or that is
    compiled, or that calls an operator which does more than compute."""
    for file, data in members.items():
        if file.endswith(".so") or "aotinductor" in file:
            raise UserError(f"features {name} holds compiled code, {file}: {HOW}.")
        if file.endswith(".json"):
            leaves = _leaves(json.loads(data))
            if bad := [value for key, value in leaves if not _is_harmless(key, value)]:
                raise UserError(f"features {name}: {file} asks to unpickle, to evaluate or to call "
                                f"{str(bad[0])[:60]!r}, which is not done: {HOW}.")  # fmt: skip
        if file.endswith(".pt"):
            try:
                torch.load(io.BytesIO(data), weights_only=True)
            except Exception as error:
                raise UserError(f"features {name}: {file} holds more than tensors: {HOW} with "
                                "tensors alone as its example.") from error  # fmt: skip


def _packed(members: Members) -> io.BytesIO:
    """Write the files that were checked into an archive of our own.

    Another reader may see other files in theirs: an archive may have two directories.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    packed.seek(0)
    return packed


def _is_harmless(key: str, value: object) -> bool:
    if key == "use_pickle":
        return value is False
    if key == CALL:
        found = OPERATOR.fullmatch(value) if isinstance(value, str) else None
        return found is not None and found[1] not in HARMFUL
    return key != "expr_str" or (isinstance(value, str) and _is_expression(value))


def _is_expression(text: str) -> bool:
    """Tell if a size is made of numbers, symbols and calls such as Add(...), of nothing else."""
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return all(isinstance(node, PARTS) and _is_plain(node) for node in ast.walk(tree))


def _is_plain(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id[:1].isupper()
    if isinstance(node, ast.Name):
        return SYMBOL.fullmatch(node.id) is not None or node.id[:1].isupper()
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return SYMBOL.fullmatch(node.value) is not None
    return True


def _leaves(value: object, key: str = "") -> Iterator[tuple[str, object]]:
    """Yield all values of JSON that are no lists or objects, each with the key that it is under.

    What a node calls is under `CALL`.
    """
    if isinstance(value, dict):
        for name, inner in value.items():
            is_call = name == "target" and "inputs" in value
            yield from _leaves(inner, CALL if is_call else name)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, key)
    else:
        yield key, value


def _script(file: io.BytesIO) -> Any:
    return torch.jit.load(file, map_location="cpu").eval()  # type: ignore[no-untyped-call]


def _exported(file: io.BytesIO) -> Any:
    return torch.export.load(file).module()


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:150]
