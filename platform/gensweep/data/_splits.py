"""Splits that the names of files and folders tell."""

from __future__ import annotations

from collections.abc import Mapping

WORDS = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test",
    "dev": "validation", "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip


def assign(words: Mapping[str, str | None]) -> dict[str, str] | None:
    """File to `train`, `test` or `unused`, given the word that each file's path begins with.

    None unless every file has such a word and both splits occur. A validation split is the test
    split where there is no other, and otherwise is left out.

    >>> assign({"Train/a": "Train", "val/b": "val"})
    {'Train/a': 'train', 'val/b': 'test'}
    >>> assign({"cats/a": "cats", "train/b": "train"})
    """
    kinds = {file: WORDS.get((word or "").lower()) for file, word in words.items()}
    found = set(kinds.values())
    if None in found or "train" not in found or len(found) < 2:
        return None
    held_out = "test" if "test" in found else "validation"
    names = {"train": "train", held_out: "test"}
    return {file: names.get(kind or "", "unused") for file, kind in kinds.items()}
