"""An archive of a folder is that folder."""

import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gensweep.data import load_dataset
from gensweep.errors import UserError
from gensweep.storage import ObjectStore, open_store

FORMS = ("zip", "tar", "gztar", "bztar", "xztar")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(9)
    for label in ("cat", "dog"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for i in range(12):
            pixels = rng.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / label / f"{i:02d}.png")
    return tmp_path / "pets"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("wrapped", [True, False])
def test_an_archive_is_its_folder(
    store: ObjectStore, tmp_path: Path, folder: Path, form: str, wrapped: bool
) -> None:
    root, base = (tmp_path, "pets") if wrapped else (folder, None)
    file = shutil.make_archive(str(tmp_path / "pets"), form, root, base)
    packed = load_dataset(file, store)
    assert packed.id == load_dataset(str(folder), store).id
    assert packed.name == "pets"


def test_an_archive_of_the_bucket(
    store: ObjectStore, tmp_path: Path, folder: Path, bucket: str
) -> None:
    file = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", folder))
    open_store(f"s3://{bucket}/in").put("pets.zip", file.read_bytes())
    local = load_dataset(str(folder), store)
    assert load_dataset(f"s3://{bucket}/in/pets.zip", store).id == local.id


def test_what_packers_add_is_told(store: ObjectStore, tmp_path: Path, folder: Path) -> None:
    file = Path(shutil.make_archive(str(tmp_path / "pets"), "zip", folder))
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("__MACOSX/cat/._00.png", b"x")
        archive.writestr("cat/.DS_Store", b"x")
    data = load_dataset(str(file), store)
    assert data.notes == ("left out: 1 file(s) in __MACOSX",)


def test_links_in_a_tar_are_told(store: ObjectStore, tmp_path: Path, folder: Path) -> None:
    (folder / "cat" / "link.png").symlink_to("00.png")
    with tarfile.open(tmp_path / "pets.tar", "w") as archive:
        archive.add(folder, "pets")
    data = load_dataset(str(tmp_path / "pets.tar"), store)
    assert data.notes == ("left out: 1 link(s) in the archive",)


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_archive(store: ObjectStore, tmp_path: Path, folder: Path, form: str) -> None:
    file = Path(shutil.make_archive(str(tmp_path / "pets"), form, folder))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(UserError, match=r"pets.*(whole archive|is cut off)"):
        load_dataset(str(file), store)
    file.write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"is no whole archive .*: fetch it again"):
        load_dataset(str(file), store)


def test_a_tar_that_ends_between_two_files(
    store: ObjectStore, tmp_path: Path, folder: Path
) -> None:
    file = Path(shutil.make_archive(str(tmp_path / "pets"), "tar", folder))
    with tarfile.open(file) as archive:
        cut = archive.getmember("./dog/06.png").offset
    file.write_bytes(file.read_bytes()[:cut])
    with pytest.raises(UserError, match="is no whole archive"):
        load_dataset(str(file), store)


def test_a_damaged_member_can_be_left_out(store: ObjectStore, tmp_path: Path, folder: Path) -> None:
    file = tmp_path / "pets.zip"
    with zipfile.ZipFile(file, "w") as archive:  # stored as they are
        for one in sorted(folder.rglob("*.png")):
            archive.write(one, one.relative_to(folder))
    data = bytearray(file.read_bytes())
    data[data.index(b"IHDR")] ^= 255
    file.write_bytes(data)
    with pytest.raises(UserError, match=r"cat/00.png is damaged .*--skip-bad 1"):
        load_dataset(str(file), store)
    assert load_dataset(str(file), store, skip_bad=1).count == 21


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_a_member_is_damaged_however_it_was_packed(
    store: ObjectStore, tmp_path: Path, folder: Path, method: int
) -> None:
    """Each method of packing raises an error of its own."""
    file = tmp_path / "pets.zip"
    with zipfile.ZipFile(file, "w", method) as archive:
        for image in sorted(folder.rglob("*.png")):
            archive.write(image, image.relative_to(folder))
        first = archive.infolist()[0]
    packed = bytearray(file.read_bytes())
    begin = first.header_offset + 30 + len(first.filename)
    packed[begin : begin + first.compress_size] = b"\xff" * first.compress_size
    file.write_bytes(bytes(packed))
    with pytest.raises(UserError, match=r"cat/00.png is damaged .*--skip-bad 1"):
        load_dataset(str(file), store)


@pytest.mark.parametrize("form", ["gztar", "bztar", "xztar"])
def test_a_packed_tar_with_a_damaged_middle(
    store: ObjectStore, tmp_path: Path, folder: Path, form: str
) -> None:
    file = Path(shutil.make_archive(str(tmp_path / "pets"), form, folder))
    packed = bytearray(file.read_bytes())
    middle = len(packed) // 2
    packed[middle : middle + 99] = b"\xff" * 99
    file.write_bytes(bytes(packed))
    with pytest.raises(UserError, match="is no whole archive"):
        load_dataset(str(file), store)
