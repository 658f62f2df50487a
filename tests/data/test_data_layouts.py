"""Folders as people have them: splits, wrappers, links and strangers are read, or refused."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gensweep.data import Dataset, find_source, load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore

RNG = np.random.default_rng(5)
PETS = ("cat", "dog")


def fill(folder: Path, count: int = 10) -> Path:
    """Put `count` images into a folder; no two are alike."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.fromarray(RNG.integers(0, 256, (8, 8), np.uint8)).save(folder / f"{i:02d}.png")
    return folder


def both(folder: Path, store: ObjectStore, **options: Any) -> tuple[Dataset, Dataset]:
    train, test = (load_dataset(str(folder), store, s, **options) for s in ("train", "test"))
    return train, test


def layout(folder: Path, store: ObjectStore) -> tuple[tuple[str, ...], tuple[int, ...], int]:
    """Classes, their training examples or the number of all of these, and test examples."""
    train, test = both(folder, store)
    return train.class_names, train.class_counts or (train.count,), test.count


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ([f"archive/{s}/{c}" for s in ("train", "test") for c in PETS], (PETS, (10, 10), 20)),
        ([f"a/b/{s}/{c}" for s in ("train", "val") for c in PETS], (PETS, (10, 10), 20)),
        ([f"seg_{s}/seg_{s}/{c}" for s in ("train", "test") for c in PETS], (PETS, (10, 10), 20)),
        ([f"{s}_images/{c}" for s in ("Train", "Test") for c in PETS], (PETS, (10, 10), 20)),
        ([f"train/{c}" for c in PETS], (PETS, (9, 9), 2)),
        ([f"archive/{c}" for c in PETS], (PETS, (9, 9), 2)),
        (["train2017", "val2017"], ((), (10,), 10)),
        (["train/all", "test/all"], ((), (10,), 10)),
        (["TrainImages/cat", "TrainImages/dog", "TestImages/cat"], (PETS, (10, 10), 10)),
        (["train/cat", "train/dog", "test/unknown"], (PETS, (9, 9), 2)),
        (["photos"], ((), (9,), 1)),
        (["bus", "car", "train"], (("bus", "car", "train"), (9, 9, 9), 3)),
        (["bullet_train", "test_tube"], (("bullet_train", "test_tube"), (9, 9), 2)),
        (["cat/persian", "cat/siamese", "dog"], (PETS, (18, 9), 3)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_splits_and_classes(
    store: ObjectStore, tmp_path: Path, folders: list[str], expected: object
) -> None:
    for folder in folders:
        fill(tmp_path / "set" / folder)
    assert layout(tmp_path / "set", store) == expected


@pytest.mark.parametrize(
    ("extra", "note"),
    [
        ("sample", "left out: 3 image(s) in sample/ beside the splits"),
        ("val", "left out: 3 validation image(s), beside a test split"),
        ("@eaDir", "left out: 3 file(s) in @eaDir"),
        ("train/cat/@eaDir/SYNO", "left out: 3 file(s) in @eaDir"),
        ("__MACOSX/train/cat", "left out: 3 file(s) in __MACOSX"),
    ],
)
def test_folders_aside_are_left_out_and_told(
    store: ObjectStore, tmp_path: Path, extra: str, note: str
) -> None:
    for split in ("train", "test"):
        for label in PETS:
            fill(tmp_path / "set" / split / label)
    fill(tmp_path / "set" / extra, 3)
    assert layout(tmp_path / "set", store) == (PETS, (10, 10), 20)
    assert load_dataset(str(tmp_path / "set"), store).notes == (note,)


def test_files_of_other_formats_are_counted(store: ObjectStore, tmp_path: Path) -> None:
    folder = fill(tmp_path / "set")
    for name in ("a.heic", "b.HEIC", "c.txt", "noending", "._00.png", ".DS_Store", "Thumbs.db"):
        (folder / name).write_bytes(b"x")
    (folder / "gone.png").symlink_to(tmp_path / "nowhere.png")
    assert load_dataset(str(folder), store).notes == (
        "left out: 2 .heic file(s); 1 .txt file(s); 1 broken link(s); 1 hidden file(s); "
        "1 other file(s)",
    )


def test_images_that_no_class_has_in_the_test_split_are_left_out(
    store: ObjectStore, tmp_path: Path
) -> None:
    for label in PETS:
        fill(tmp_path / "set" / "train" / label)
    fill(tmp_path / "set" / "test", 4)
    assert layout(tmp_path / "set", store) == (PETS, (9, 9), 2)
    data = load_dataset(str(tmp_path / "set"), store)
    assert data.notes == ("left out: 4 test image(s) without a class",)
    assert "every tenth of each class" in data.protocol


def test_validation_is_the_test_split_where_that_has_no_classes(
    store: ObjectStore, tmp_path: Path
) -> None:
    """As ImageNet has it."""
    for split in ("train", "val"):
        for label in PETS:
            fill(tmp_path / "set" / split / label, 10 if split == "train" else 3)
    fill(tmp_path / "set" / "test", 4)
    assert layout(tmp_path / "set", store) == (PETS, (10, 10), 6)
    data = load_dataset(str(tmp_path / "set"), store)
    assert data.notes == ("left out: 4 test image(s) without a class",)
    assert "split by folder" in data.protocol


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (["train", "sample"], ("train/ as a split or as a class", "sample/, train/", "rename")),
        (["test", "cat", "dog"], ("test/ as a split or as a class", "cat/, dog/, test/")),
        (["train/a", "bus/a", "car/a"], ("train/ as a split or as a class",)),
        (["train", "test", "cat"], ("test/, train/ as splits without cat/", "as classes")),
        (["bottle/train/a", "bottle/test/a", "nut/train/a"], ("bottle/, nut/ as classes",)),
        (["trainA", "trainB", "testA", "testB"], ("by the splits", "one pair")),
        (["fold1/a", "fold1/b", "fold2/a", "fold2/b"], ("fold1/, fold2/ as", "or a/, b/ in each")),
        (["trains", "tests"], ("tests/ as a split or as a class", "tests/, trains/")),
        (["images", "masks"], ("images/, masks/ as classes or as parts",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_two_readings_are_refused(
    store: ObjectStore, tmp_path: Path, folders: list[str], words: tuple[str, ...]
) -> None:
    for folder in folders:
        fill(tmp_path / "set" / folder, 2)
    with pytest.raises(UserError, match="can be read in two ways") as caught:
        load_dataset(str(tmp_path / "set"), store)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert store.list() == []


def test_classes_of_two_splits_that_differ_in_capitals_are_refused(
    store: ObjectStore, tmp_path: Path
) -> None:
    for folder in ("train/cat", "train/dog", "test/Cat", "test/dog"):
        fill(tmp_path / "set" / folder, 2)
    with pytest.raises(UserError, match="has the class 'cat' in train and 'Cat' in test: call"):
        load_dataset(str(tmp_path / "set"), store)


def test_classes_that_one_split_lacks_are_told(store: ObjectStore, tmp_path: Path) -> None:
    train = [f"train/{name}" for name in ("ant", "bee", "cat", "dog", "eel", "fly", "gnu")]
    for folder in [*train, "test/gnu", "test/owl"]:
        fill(tmp_path / "set" / folder, 2)
    assert load_dataset(str(tmp_path / "set"), store).notes == (
        "train has no example of owl",
        "test has no example of ant, bee, cat, dog, eel and 1 more",
    )


@pytest.mark.parametrize("target", ["set", "set/cat", "."])
def test_a_link_that_leads_back_is_not_followed(
    store: ObjectStore, tmp_path: Path, target: str
) -> None:
    for label in PETS:
        fill(tmp_path / "set" / label)
    (tmp_path / "set" / "cat" / "again").symlink_to((tmp_path / target).resolve())
    assert layout(tmp_path / "set", store) == (PETS, (9, 9), 2)
    (note,) = load_dataset(str(tmp_path / "set"), store).notes
    assert note == "left out: 1 link(s) that lead back to a folder above"


def test_a_folder_is_read_once_under_its_own_name(store: ObjectStore, tmp_path: Path) -> None:
    """Whether a link to it comes before it, or two links lead to one that is elsewhere."""
    for label in PETS:
        fill(tmp_path / "set" / label)
    (tmp_path / "set" / "a_link").symlink_to(tmp_path / "set" / "cat")
    inside = load_dataset(str(tmp_path / "set"), store)
    assert (inside.class_names, inside.count) == (PETS, 18)
    assert inside.notes == ("left out: 1 link(s) to a folder that is read already",)
    (tmp_path / "links").mkdir()
    for name, label in zip(("one", "two", "zero"), ("cat", "dog", "cat"), strict=True):
        (tmp_path / "links" / name).symlink_to(tmp_path / "set" / label)
    outside = load_dataset(str(tmp_path / "links"), store)
    assert (outside.class_names, outside.count) == (("one", "two"), 18)


def test_links_to_folders_elsewhere_are_followed(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for label in PETS:
        (tmp_path / "set" / label).symlink_to(fill(tmp_path / "elsewhere" / label))
    assert layout(tmp_path / "set", store) == (PETS, (9, 9), 2)


def test_names_that_are_not_utf_8(store: ObjectStore, tmp_path: Path) -> None:
    root = os.fsdecode(os.fsencode(tmp_path) + b"/f\xfcr")
    for label in (b"caf\xe9", b"th\xe9"):
        fill(Path(root) / os.fsdecode(label))
    data = load_dataset(root, store)
    assert data.class_names == ("caf\\xe9", "th\\xe9")
    assert data.count == 18
    str(data.protocol + data.name).encode()
    (Path(root) / os.fsdecode(b"th\xe9") / "03.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"th\\xe9/03.png cannot be decoded"):
        load_dataset(root, store)


@pytest.mark.parametrize(("counts", "test"), [((5, 4), 1), ((40, 3), 4), ((2, 0), 1)])
def test_small_classes_are_split_by_seed_over_all(
    store: ObjectStore, tmp_path: Path, counts: tuple[int, int], test: int
) -> None:
    for label, count in zip(PETS, counts, strict=True):
        fill(tmp_path / "set" / label, count)
    train, held = both(tmp_path / "set", store)
    assert (train.count, held.count) == (sum(counts) - test, test)
    assert "a tenth of all by seed" in train.protocol


def test_names_of_classes_are_part_of_what_a_data_set_is(
    store: ObjectStore, tmp_path: Path
) -> None:
    fill(tmp_path / "set" / "cat")
    fill(tmp_path / "set" / "dog")
    first = load_dataset(str(tmp_path / "set"), store)
    (tmp_path / "set" / "cat").rename(tmp_path / "set" / "bee")
    second = load_dataset(str(tmp_path / "set"), store)
    assert (first.arrays()["x"] == second.arrays()["x"]).all()
    assert first.hash != second.hash
    assert load_dataset(first.id, store).class_names == ("cat", "dog")
    assert load_dataset(second.id, store).class_names == ("bee", "dog")


def test_a_user_says_that_folders_are_no_classes(store: ObjectStore, tmp_path: Path) -> None:
    for label in PETS:
        fill(tmp_path / "set" / label)
    train, test = both(tmp_path / "set", store, label="none")
    assert (train.count, test.count, train.classes, set(train.arrays())) == (18, 2, 0, {"x"})
    assert "without classes" in train.protocol


def test_finding_reads_no_image(tmp_path: Path) -> None:
    (fill(tmp_path / "set") / "00.png").write_bytes(b"no image")
    find_source(str(tmp_path / "set"))
