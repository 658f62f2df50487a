"""Splits that the names of files and folders tell, or that are made where they tell none."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from gensweep.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WORDS = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test",
    "dev": "validation", "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip
EVERY = 10
"""One example of so many is held out where no file says which."""


def assign(words: Mapping[str, str | None]) -> dict[str, str] | None:
    """File to `train`, `test` or `unused`, given the word that each file's path begins with.

    None unless every file has such a word and both splits occur. A validation split is the test
    split where there is no other, and otherwise is left out.

    >>> assign({"Train/a": "Train", "val/b": "val"})
    {'Train/a': 'train', 'val/b': 'test'}
    >>> assign({"cats/a": "cats", "train/b": "train"})
    """
    kinds = {file: WORDS.get((word or "").lower()) for file, word in words.items()}
    found = {kind for kind in kinds.values() if kind is not None}
    if None in kinds.values() or "train" not in found or len(found) < 2:
        return None
    names = roles(found)
    return {file: names[kind] for file, kind in kinds.items() if kind is not None}


def roles(kinds: Collection[str]) -> dict[str, str]:
    """What each kind of split is used as: `train`, `test` or `unused`."""
    held_out = "test" if "test" in kinds else "validation"
    uses = {"train": "train", held_out: "test"}
    return {kind: uses.get(kind, "unused") for kind in kinds}


def split_folders(folders: Collection[str], where: str) -> dict[str, str] | None:
    """Folder to its kind of split; None where they are no splits. Others than splits are not in it.

    `train` and `test` are splits, and so are names that differ in these words alone.

    >>> split_folders(["train", "val", "sample"], "x")
    {'train': 'train', 'val': 'validation'}
    >>> split_folders(["seg_train", "seg_test", "seg_pred"], "x")
    {'seg_train': 'train', 'seg_test': 'test'}
    >>> split_folders(["bullet_train", "test_tube"], "x")
    """
    groups = defaultdict[str, dict[str, str]](dict)
    for folder in folders:
        kind, rest = _split_word(folder)
        if kind is not None:
            groups[rest][folder] = kind
    whole = [g for g in groups.values() if "train" in g.values() and len(set(g.values())) > 1]
    if len(whole) > 1:
        names = " and ".join("/, ".join(group) + "/" for group in whole)
        raise UserError(f"{where} can be read in two ways, by the splits {names}: keep one "
                        "pair, or make train and test folders.")  # fmt: skip
    return whole[0] if whole else None


def _split_word(folder: str) -> tuple[str | None, str]:
    """The kind of split that a folder's name tells, and the rest of the name.

    >>> _split_word("Images_Train"), _split_word("test2017"), _split_word("trainers")
    (('train', 'images'), ('test', '2017'), (None, 'trainers'))
    """
    parts = re.findall(r"[^\W\d_]+|\d+", folder.lower())
    found = [part for part in parts if part in WORDS]
    if len(found) != 1:
        return None, folder.lower()
    return WORDS[found[0]], "".join(part for part in parts if part not in found)


def held_out(labels: Sequence[Hashable]) -> NDArray[np.bool_]:
    """Mark the test examples: every tenth of each class, or where one is smaller, a tenth of all.

    >>> held_out(["a"] * 10).tolist().index(True), held_out(["a"] * 10 + ["b"] * 5).sum()
    (9, np.int64(1))
    """
    import numpy as np

    if min(Counter(labels).values(), default=0) < EVERY:
        return by_seed(len(labels))
    seen, marks = Counter[Hashable](), np.zeros(len(labels), bool)
    for i, label in enumerate(labels):
        seen[label] += 1
        marks[i] = seen[label] % EVERY == 0
    return marks


def by_seed(count: int) -> NDArray[np.bool_]:
    """Mark a tenth of `count` examples, or one, drawn by a fixed seed."""
    import numpy as np

    marks = np.zeros(count, bool)
    marks[
        np.random.Generator(np.random.PCG64(EVERY)).permutation(count)[: max(1, count // EVERY)]
    ] = True
    return marks
