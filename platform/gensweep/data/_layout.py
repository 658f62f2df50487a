"""Reads splits and classes from where the files of a data set lie."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from gensweep.data._splits import WORDS, held_out, split_folders
from gensweep.data._walk import readable
from gensweep.errors import UserError

Folders = Mapping[str, tuple[str, ...]]
"""File to the folders that it lies in."""
ASIDE = {"sample", "samples", "extra", "pred", "predict", "unlabeled", "unlabelled", "unsup"}
"""Folders that lie beside splits and are none."""
ROLES = ({"image", "images", "img", "imgs", "photos"},
         {"mask", "masks", "label", "labels", "annotations", "gt", "segmentation"})  # fmt: skip
"""Names of folders that hold an example's parts, not classes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, the split it belongs to, and its class if it has one."""

    file: str
    split: str
    label: str | None


@dataclass(frozen=True)
class Layout:
    """The files of a data set by split and class; `left_out` counts the others by the reason."""

    entries: tuple[Entry, ...]
    by: str
    """The origin of the split, in words."""

    left_out: Counter[str] = field(default_factory=Counter)


def lay_out(files: Iterable[str], where: str) -> Layout:
    """Find splits and classes: `[train|test/][class/]**/file`, within any folders around them.

    `UserError` if the folders can be read in two ways.
    """
    folders = _unwrapped({file: PurePosixPath(file).parts[:-1] for file in sorted(files)})
    tops = _tops(folders)
    splits = split_folders(tops, where)
    if splits is None:
        _check_tops(folders, where)
        return _by_count(_labels(folders, where), Counter())
    _check_beside(folders, splits, where)
    left_out = Counter[str]()
    parts: dict[str, dict[str, tuple[str, ...]]] = {kind: {} for kind in splits.values()}
    for file, path in folders.items():
        if path and path[0] in splits:
            parts[splits[path[0]]][file] = path[1:]
        else:
            left_out[f"image(s) in {f'{path[0]}/' if path else 'no folder'} beside the splits"] += 1
    return _by_folder(parts, where, left_out)


def _by_folder(parts: Mapping[str, Folders], where: str, left_out: Counter[str]) -> Layout:
    """Take the classes below splits; a test split without them is none where others have some."""
    labels = _labels_below(parts, where)
    known = {kind: {one for one in found.values() if one is not None}
             for kind, found in labels.items()}  # fmt: skip
    held = next((kind for kind in ("test", "validation") if known.get(kind) or
                 (kind in labels and not known["train"])), None)  # fmt: skip
    for kind in labels.keys() - {"train", held}:
        why = ", beside a test split" if held == "test" else " without a class"
        left_out[f"{kind} image(s){why}"] += len(labels[kind])
    if held is None:
        return _by_count(labels["train"], left_out)
    _check_case(known["train"], known[held], held, where)
    one = len(known["train"] | known[held]) < 2 or not known["train"]
    entries = [Entry(file, split, None if one or label is None else label)
               for split, kind in (("train", "train"), ("test", held))
               for file, label in labels[kind].items()]  # fmt: skip
    return Layout(tuple(entries), "split by folder", left_out)


def _labels_below(parts: Mapping[str, Folders], where: str) -> dict[str, dict[str, str | None]]:
    """Find the classes of each split, without folders that hold all of one and none of others."""
    train = _within(parts["train"], {**parts.get("validation", {}), **parts.get("test", {})})
    return {
        kind: _labels(train if kind == "train" else _within(found, train), where)
        for kind, found in parts.items()
    }


def _by_count(labels: Mapping[str, str | None], left_out: Counter[str]) -> Layout:
    """Hold out a tenth; a single class is none."""
    one = len({*labels.values()}) < 2
    few = min(Counter(labels.values()).values(), default=0) < 10
    by = "test: a tenth of all by seed" if few else "test: every tenth of each class"
    marks = held_out(list(labels.values())).tolist()
    entries = [Entry(file, "test" if marked else "train", None if one else label)
               for (file, label), marked in zip(labels.items(), marks, strict=True)]  # fmt: skip
    return Layout(tuple(entries), by, left_out)


def _unwrapped(folders: Folders) -> Folders:
    """Drop folders that hold all: the root of an archive, or `train` alone."""
    while folders and len(_tops(folders)) == 1 and all(folders.values()):
        folders = {file: path[1:] for file, path in folders.items()}
    return folders


def _within(folders: Folders, other: Folders) -> Folders:
    """Drop a folder that holds all of one split and is no class: `seg_train/seg_train`."""
    while len(top := _tops(folders)) == 1 and all(folders.values()):
        classes = _tops(other)
        nested = all(len(path) > 1 for path in folders.values()) and not top < classes
        if not nested and not (len(classes) > 1 and not top <= classes):
            return folders
        folders = {file: path[1:] for file, path in folders.items()}
    return folders


def _tops(folders: Folders) -> set[str]:
    return {path[0] for path in folders.values() if path}


def _labels(folders: Folders, where: str) -> dict[str, str | None]:
    """File to its class, the first folder; `UserError` where some have one and some have none."""
    labels = {file: readable(path[0]) if path else None for file, path in folders.items()}
    if None in labels.values() and len({*labels.values()}) > 1:
        raise UserError(f"{where} has images both beside and inside class folders: move all of "
                        "them into class folders, or none.")  # fmt: skip
    return labels


def _check_tops(folders: Folders, where: str) -> None:
    """`UserError` where folders may be classes, and something else as well."""
    tops = sorted(_tops(folders))
    names = ", ".join(f"{readable(top)}/" for top in tops[:5])
    words = [top for top in tops if top.lower() in WORDS]
    if all(top.lower().removesuffix("s") in WORDS for top in tops):  # trains/ and tests/
        words = tops
    below = _below(folders)
    vehicles = len(tops) > 2 and WORDS.get("".join(words).lower()) == "train"
    if words and not (vehicles and not any(below.values())):
        raise UserError(f"{where} can be read in two ways, {words[0]}/ as a split or as a class "
                        f"among {names}: rename it, or name {where}/{words[0]} alone.")  # fmt: skip
    if all({top.lower() for top in tops} & role for role in ROLES):
        raise UserError(f"{where} can be read in two ways, {names} as classes or as parts of the "
                        "same examples: name the folder of the images alone.")  # fmt: skip
    same = sorted(below[tops[0]]) if tops else []
    if len(tops) > 1 and len(same) > 1 and all(below[top] == {*same} for top in tops):
        inner = ", ".join(f"{readable(one)}/" for one in same[:5])
        raise UserError(f"{where} can be read in two ways, {names} as classes or {inner} in each "
                        f"of them: name one, such as {where}/{readable(tops[0])}, or put the "
                        "classes into train and test, or all into one folder.")  # fmt: skip
    for top in tops:
        if split_folders(below[top], f"{where}/{readable(top)}"):
            raise UserError(f"{where} can be read in two ways, {names} as classes or as data sets "
                            f"with splits of their own: name one, such as {where}/{readable(top)}, "
                            "or put the classes into train and test.")  # fmt: skip


def _check_case(train: set[str], held: set[str], kind: str, where: str) -> None:
    """`UserError` where a class of one split is called as one of the other but for capitals."""
    alike = {name.lower(): name for name in train - held}
    for name in sorted(held - train):
        if name.lower() in alike:
            raise UserError(f"{where} has the class {alike[name.lower()]!r} in train and {name!r} "
                            f"in {kind}: call both alike.")  # fmt: skip


def _check_beside(folders: Folders, splits: Mapping[str, str], where: str) -> None:
    """`UserError` where folders beside splits may be classes, and the splits, too."""
    below = _below(folders)
    others = sorted(_tops(folders) - {*splits})
    known = [top for top in others if ASIDE & {*top.lower().replace("-", "_").split("_")}]
    if others != known and not any(below[split] for split in splits):
        names = ", ".join(f"{readable(top)}/" for top in sorted(_tops(folders))[:5])
        raise UserError(f"{where} can be read in two ways, {'/, '.join(sorted(splits))}/ as splits "
                        f"without {readable(others[0])}/, or {names} as classes: move what does "
                        "not belong there.")  # fmt: skip


def _below(folders: Folders) -> dict[str, set[str]]:
    """The folders below each of the first ones."""
    below = defaultdict[str, set[str]](set)
    for path in folders.values():
        if path:
            below[path[0]] |= {*path[1:2]}
    return below
