"""Feature networks of files: read without unpickling, by a stated input, addressed by hash."""

import hashlib
import io
import pickle
import re
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gensweep.errors import UserError
from gensweep.evaluation import load_file_features
from gensweep.metrics import Evaluator, FileFeatures, feature_input, frechet_distance, moments
from gensweep.storage import open_store


class Opens:
    """Makes a file when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return Path.touch, (self.marker,)


@pytest.fixture(scope="module")
def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1)).eval()


def scripted(net: nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(net, torch.zeros(2, 3, 8, 8)), buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


@pytest.fixture(scope="module")
def exported(net: nn.Module) -> bytes:
    buffer, shapes = io.BytesIO(), ({0: torch.export.Dim("batch")},)
    torch.export.save(
        torch.export.export(net, (torch.zeros(2, 3, 8, 8),), dynamic_shapes=shapes), buffer
    )
    return buffer.getvalue()


def changed(data: bytes, name: str, content: Callable[[bytes], bytes]) -> bytes:
    """The archive with another content of the file whose name ends so."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for file in old.namelist():
            found = old.read(file)
            new.writestr(file, content(found) if file.endswith(name) else found)
    return buffer.getvalue()


def with_call(program: bytes) -> bytes:
    """The program with a call of Python's in the place of its first size."""
    call = b'"expr_str": "__import__(\'os\').getcwd()"'
    return re.sub(rb'"expr_str": "[^"]*"', call, program, count=1)


def test_both_kinds_give_the_features_of_the_module(net: nn.Module, exported: bytes) -> None:
    images = torch.rand(5, 1, 8, 8) * 2 - 1
    want = net(images.expand(-1, 3, -1, -1)).flatten(1)
    for data, kind in ((scripted(net), "TorchScript"), (exported, "exported program")):
        found = FileFeatures.load(data, feature_input("as-is")).to("cpu")
        assert (found.kind, found.hash) == (kind, hashlib.sha256(data).hexdigest())
        assert torch.allclose(found.features(images), want, atol=1e-6)
        assert len(found.features(images[:1])) == 1


def test_they_measure_and_are_stated(net: nn.Module) -> None:
    real, fake = torch.rand(30, 3, 8, 8), torch.rand(30, 3, 8, 8) ** 2
    features = FileFeatures.load(scripted(net), feature_input("pytorch-fid"))
    evaluator = Evaluator.for_dataset("images", {"x": real}, {}, net=features, samples=30)
    assert evaluator.protocol["feature_hash"] == features.hash
    assert evaluator.protocol["feature_input"] == features.protocol
    order = torch.randperm(30, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        one, other = (moments(features.features(x)) for x in (real[order], fake))
    found = evaluator.to("cpu").evaluate(fake[None], ["frechet"])[0]["frechet"]
    assert found == pytest.approx(frechet_distance(one, other).item(), rel=1e-4)


def test_inputs_are_as_the_codes_of_the_networks_have_them() -> None:
    images = torch.rand(2, 3, 8, 8) * 2 - 1
    in_bytes = ((images + 1) * 127.5).round()
    assert torch.allclose(feature_input("ttur").prepare(images), in_bytes)
    assert torch.allclose(feature_input("pytorch-fid").prepare(images), in_bytes / 255)
    wide = feature_input("dinov2").prepare(torch.ones(1, 1, 8, 8))
    assert wide.shape == (1, 3, 224, 224)
    assert torch.allclose(wide[0, 2], torch.tensor((1 - 0.406) / 0.225), atol=1e-5)
    with pytest.raises(UserError, match="choose from ttur, pytorch-fid, dinov2, as-is"):
        feature_input("inception")


def test_no_file_is_unpickled(net: nn.Module, exported: bytes, tmp_path: Path) -> None:
    marker, plain = tmp_path / "opened", io.BytesIO()
    torch.save(Opens(marker), plain)
    evil = plain.getvalue()
    files = {
        "holds pickled weights": evil,
        "is neither TorchScript nor .pt2": pickle.dumps(Opens(marker)),
        "holds more than tensors": changed(exported, "model.pt", lambda _: evil),
        "to unpickle, to evaluate or to call": changed(
            exported, "weights_config.json", lambda b: b.replace(b"false", b"true")
        ),
        "evaluate": changed(exported, "model.json", with_call),
    }
    for message, data in files.items():
        with pytest.raises(UserError, match=message):
            FileFeatures.load(data, feature_input("as-is"))
    assert not marker.exists()


def parts(data: bytes) -> tuple[bytes, bytearray, bytearray]:
    """An archive's files, its directory, and the record at its end."""
    end = data.rindex(b"PK\5\6")
    size, begin = struct.unpack("<LL", data[end + 12 : end + 20])
    return data[:begin], bytearray(data[begin : begin + size]), bytearray(data[end:])


def with_two_directories(shown: bytes, hidden: bytes) -> bytes:
    """An archive in which Python finds the files of one, and torch those of another."""
    (files, directory, _), (others, other, end) = parts(shown), parts(hidden)
    at = 0
    while at < len(directory):  # the files that are shown come second
        name, extra, comment = struct.unpack("<HHH", directory[at + 28 : at + 34])
        (place,) = struct.unpack("<L", directory[at + 42 : at + 46])
        directory[at + 42 : at + 46] = struct.pack("<L", place + len(others) - len(files))
        at += 46 + name + extra + comment
    end[16:20] = struct.pack("<L", len(others))
    return bytes(others + other + files + directory + end)


def test_what_was_checked_is_what_is_read(exported: bytes, tmp_path: Path) -> None:
    """Readers differ in which of two directories they believe."""
    marker, plain = tmp_path / "opened", io.BytesIO()
    torch.save([Opens(marker), b"0" * 100_000], plain)
    shown = changed(exported, "model.pt", lambda data: data)
    hidden = changed(exported, "model.pt", lambda _: plain.getvalue())
    data = with_two_directories(shown, hidden)
    with suppress(Exception):
        torch.export.load(io.BytesIO(data))
    assert marker.exists()
    marker.unlink()
    FileFeatures.load(data, feature_input("as-is"))
    assert not marker.exists()


def test_what_does_not_fit_is_one_line(net: nn.Module, tmp_path: Path) -> None:
    static = io.BytesIO()
    torch.export.save(torch.export.export(net, (torch.zeros(2, 3, 8, 8),)), static)
    features = FileFeatures.load(static.getvalue(), feature_input("as-is"))
    with pytest.raises(UserError, match="export it with a first dimension of any size"):
        features.features(torch.zeros(5, 3, 8, 8))
    with pytest.raises(UserError, match="1 or 3 channels"):
        features.features(torch.zeros(2, 2, 8, 8))
    flat: nn.Module = nn.Flatten(0)
    with pytest.raises(UserError, match=r"gives \(384,\) for 2 images"):
        FileFeatures.load(scripted(flat), feature_input("as-is")).features(torch.zeros(2, 3, 8, 8))


def test_the_store_keeps_the_file_of_a_sweep(net: nn.Module, tmp_path: Path) -> None:
    store, file = open_store(f"file://{tmp_path / 'store'}"), tmp_path / "net.pt"
    file.write_bytes(scripted(net))
    first = load_file_features(str(file), "as-is", store)
    file.write_bytes(scripted(nn.Sequential(nn.Conv2d(3, 2, 3)).eval()))
    again = load_file_features(str(file), "as-is", store, first.hash)
    images: Tensor = torch.rand(2, 3, 8, 8)
    assert torch.equal(first.features(images), again.features(images))
    with pytest.raises(UserError, match="bring that file back"):
        load_file_features(
            str(file), "as-is", open_store(f"file://{tmp_path / 'other'}"), first.hash
        )
    with pytest.raises(UserError, match=r"cannot be read \(No such file or directory\)"):
        load_file_features(str(tmp_path / "none.pt"), "as-is", store)


def test_a_file_in_a_bucket_is_read_and_kept(
    net: nn.Module, bucket: str, moto_s3: Any, tmp_path: Path
) -> None:
    store, data = open_store(f"file://{tmp_path / 'store'}"), scripted(net)
    for key in ("net.pt", "deep/er/net.pt"):
        moto_s3.put_object(Bucket=bucket, Key=key, Body=data)
        found = load_file_features(f"s3://{bucket}/{key}", "as-is", store)
        assert found.hash == hashlib.sha256(data).hexdigest()
        moto_s3.delete_object(Bucket=bucket, Key=key)
        with pytest.raises(UserError, match=rf"{bucket}/{key} cannot be read \(No such file"):
            load_file_features(f"s3://{bucket}/{key}", "as-is", store)
        again = load_file_features(f"s3://{bucket}/{key}", "as-is", store, found.hash)
        assert again.hash == found.hash
