"""Splits that the names of files and folders tell, or that are made where they tell none."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from gensweep.data._walk import readable
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


def split_files(files: Collection[str], where: str) -> dict[str, str] | None:
    """File to `train`, `test` or `unused` by its name or else its folders; None if none tells.

    A validation split is the test split where there is no other, and otherwise is left out.
    `UserError` where some tell and some do not.

    >>> split_files(["train-0.parquet", "val-0.parquet"], "x")
    {'train-0.parquet': 'train', 'val-0.parquet': 'test'}
    >>> split_files(["train-0.parquet", "train-1.parquet"], "x")
    """
    kinds = {file: kind_of_file(file) for file in files}
    found = {kind for kind in kinds.values() if kind is not None}
    if not found or (len(found) == 1 and None not in kinds.values()):
        return None
    names = roles(found)
    if "train" not in found or "test" not in names.values():
        some, other = (next(f for f, kind in kinds.items() if kind in group) for group in
                       _told_apart(found))  # fmt: skip
        raise UserError(
            f"{where} can be read in two ways, {readable(some)} as a split or with "
            f"{readable(other)} as one table: name one file, or make train and test."
        )
    _check_sets(kinds, where)
    return {file: names.get(kind or "", "unused") for file, kind in kinds.items()}


def _check_sets(kinds: Mapping[str, str | None], where: str) -> None:
    """`UserError` if several folders have splits of their own."""
    sets = defaultdict[str, set[str]](set)
    for file, kind in kinds.items():
        if kind is not None:
            folders = PurePosixPath(file).parts[:-1]
            own = (f for f in folders if _split_word(f)[0] is None and "=" not in f)
            sets["/".join(own)].add(kind)
    whole = [folder for folder, found in sets.items() if len(found) > 1]
    if len(whole) > 1:
        raise UserError(
            f"{where} can be read in two ways, as one table or as the data sets "
            f"{' and '.join(map(readable, sorted(whole)))}: name one of these folders."
        )


def _told_apart(found: set[str]) -> tuple[set[str | None], set[str | None]]:
    """Two groups of kinds that cannot stand beside one another."""
    first = min(found)
    return {first}, {None, *found} - {first}


def kind_of_file(file: str) -> str | None:
    """The kind of split that a file's name tells, or else the folder next to it.

    >>> kind_of_file("data/train-00000-of-00001.parquet"), kind_of_file("test/a.parquet")
    ('train', 'test')
    """
    path = PurePosixPath(file)
    kinds = (_split_word(word)[0] for word in (path.stem, *reversed(path.parts[:-1])))
    return next((kind for kind in kinds if kind is not None), None)


def roles(kinds: Collection[str]) -> dict[str, str]:
    """Tell for each kind of split what it is used as: `train`, `test` or `unused`."""
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

    >>> _split_word("TrainImages"), _split_word("test2017"), _split_word("trainers")
    (('train', 'images'), ('test', '2017'), (None, 'trainers'))
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", folder).lower()
    parts = re.findall(r"[^\W\d_]+|\d+", words)
    found = [part for part in parts if part in WORDS]
    if len(found) != 1:
        return None, folder.lower()
    return WORDS[found[0]], "".join(part for part in parts if part not in found)


def held_out(labels: Sequence[Hashable]) -> NDArray[np.bool_]:
    """Mark the test examples: every tenth of each class, or where one is smaller, a tenth of all.

    >>> held_out(["a"] * 10).tolist().index(True), held_out(["a"] * 10 + ["b"] * 5).sum()
    (9, np.int64(1))
    """
    few = min(Counter(labels).values(), default=0) < EVERY
    return by_seed(len(labels)) if few else every_nth(labels, EVERY)


def every_nth(labels: Sequence[Hashable], n: int) -> NDArray[np.bool_]:
    """Mark each n-th example of every class: a stratified split that needs no seed."""
    import numpy as np

    seen, marks = Counter[Hashable](), np.zeros(len(labels), bool)
    for i, label in enumerate(labels):
        seen[label] += 1
        marks[i] = seen[label] % n == 0
    return marks


def by_seed(count: int) -> NDArray[np.bool_]:
    """Mark a tenth of `count` examples, or one, drawn by a fixed seed."""
    import numpy as np

    marks = np.zeros(count, bool)
    marks[
        np.random.Generator(np.random.PCG64(EVERY)).permutation(count)[: max(1, count // EVERY)]
    ] = True
    return marks
