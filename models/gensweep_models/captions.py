"""The text that a game is given: a column of captions, or the names of classes.

B batch, T places of text. A text is the bytes of its UTF-8, then zeros; an empty one is of zeros.
"""

import warnings
from typing import Any

import torch
from torch import Tensor

from gensweep_models.config import check
from gensweep_models.game import Tensors

BYTES = 256
NO_CLASS = "no class"
"""Name of the class of examples without one, whose text is empty."""


class Captions:
    """Makes tokens of what a game is `given`: the column `name`, or classes where there is none."""

    def __init__(self, data: Any, name: str, longest: int) -> None:
        columns = getattr(data, "columns", {})
        self.given: tuple[str] = (name,) if name in columns else ("y",)
        self.length: int
        if name in columns:
            shape, dtype = tuple(columns[name]["shape"]), columns[name]["dtype"]
            check(len(shape) == 1 and dtype == "int64", f"{name} is a column of text", shape=shape)
            _tell_cut(name, shape[0], longest)
            self.length = min(shape[0], longest)
        else:
            law = f"the data have a column {name}, or classes, whose names are texts"
            check(data.classes > 0, law, columns=list(columns))
            self.names = _texts(data, longest)
            self.length = len(self.names[0])

    @property
    def codes(self) -> int:
        """Count the tokens: bytes from 1, and one at each place for no byte."""
        return BYTES + self.length

    def tokens(self, columns: Tensors) -> Tensor:
        """Tokens [B, T] of the texts of a batch.

        A place without a byte has a token of its own, as in arXiv:2102.12092, section 2.2.
        """
        text = self._bytes(columns)
        places = torch.arange(self.length, device=text.device)
        return torch.where(text == 0, BYTES + places, text)

    def without(self, columns: Tensors, dropped: Tensor) -> dict[str, Tensor]:
        """Columns that are given, with an empty text where `dropped` [B] is true."""
        (name,) = self.given
        if name == "y":
            return {name: torch.where(dropped, len(self.names) - 1, columns[name])}
        return {name: torch.where(dropped[:, None], 0, columns[name])}

    def empty(self, columns: Tensors) -> dict[str, Tensor]:
        """Columns that are given of as many examples, all without text."""
        (name,) = self.given
        none = torch.ones_like(columns[name], dtype=torch.bool)
        return self.without(columns, none if name == "y" else none[:, 0])

    def _bytes(self, columns: Tensors) -> Tensor:
        given = columns[self.given[0]]
        if self.given != ("y",):
            return given[:, : self.length]
        return torch.tensor(self.names, device=given.device)[given]


def _texts(data: Any, longest: int) -> list[list[int]]:
    """The bytes of each class's name, or of its number, with an end; at last an empty text."""
    names = list(getattr(data, "class_names", ())) or [str(i) for i in range(data.classes)]
    _tell_cut("names of classes", max(len(name.encode()) for name in names), longest)
    texts = [b"" if name == NO_CLASS else name.encode()[:longest] for name in names]
    length = max(map(len, texts)) + 1
    return [list(text.ljust(length, b"\0")) for text in [*texts, b""]]


def _tell_cut(what: str, found: int, longest: int) -> None:
    """Warn where texts are longer than what is read of them."""
    if found > longest:
        told = f"texts of {what} have up to {found} bytes, of which the first {longest} are read"
        warnings.warn(f"{told}: set text_length={found} to read all.", stacklevel=3)
