"""Bad input that only the running services, or the files named, can show."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gensweep.study import list_sweeps

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.stack, pytest.mark.slow("plans on a stack", minutes=0.8)]


def corrupt_idx(folder: Path) -> list[str]:
    """An IDX file cut in the middle."""
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        head = b"\x00\x00\x08" + bytes([int(name[-1])]) + (100).to_bytes(4, "big")
        head += (8).to_bytes(4, "big") * (int(name[-1]) - 1)
        (folder / f"{name}-ubyte.gz").write_bytes(gzip.compress(head + b"\x01" * 50))
    return ["--data", f"mnist={folder}"]


def parquet_without_images(folder: Path) -> list[str]:
    """A table of words."""
    pq.write_table(pa.table({"height": ["tall", "short"] * 9}), folder / "train.parquet")
    return ["--data", str(folder)]


def images_of_two_sizes(folder: Path) -> list[str]:
    for number in range(30):
        grey = np.full((16 + number % 2, 16), 8 * number, np.uint8)
        Image.fromarray(grey).save(folder / f"{number}.png")
    return ["--data", str(folder)]


def too_few_images(folder: Path) -> list[str]:
    """Four in all, which is known when they have been read."""
    for number, split in enumerate(("train", "train", "train", "test")):
        (folder / split).mkdir(exist_ok=True)
        grey = np.full((8, 8), 8 * number, np.uint8)
        Image.fromarray(grey).save(folder / split / f"{number}.png")
    return ["--data", str(folder)]


CASES: dict[str, tuple[Callable[[Path], list[str]], dict[str, str], str]] = {
    "a corrupt IDX file": (corrupt_idx, {}, "train-images-idx3-ubyte.gz"),
    "a Parquet file without images": (parquet_without_images, {}, "height"),
    "more GPUs than there are": (lambda _: ["--gpus", "99"], {}, "--gpus 99"),
    "more ranks than CPUs": (lambda _: ["--ranks", "64"], {}, "64 ranks"),
    "more packs than CPUs": (lambda _: ["--packs", "64"], {}, "64 packs"),
    "ranks that do not divide": (lambda _: ["--ranks", "3", "--packs", "1"], {}, "3"),
    "a wrong secret": (lambda _: [], {"AWS_SECRET_ACCESS_KEY": "wrong"}, "AWS_SECRET_ACCESS_KEY"),
    "a wrong key": (lambda _: [], {"AWS_ACCESS_KEY_ID": "nobody:x"}, "AWS_ACCESS_KEY_ID"),
    "a bucket that does not exist": (lambda _: [], {"GENSWEEP_STORE": "s3://not-there"},
                                     "not-there"),
    "all GPUs of a cluster without": (lambda _: ["--preset", "cluster"], {}, "has no GPUs"),
    "images of two sizes": (images_of_two_sizes, {}, "--image-size"),
    "too few images": (too_few_images, {}, "3 training examples"),
    "a cluster that is not there": (lambda _: [], {"RAY_ADDRESS": "127.0.0.1:9"}, "RAY_ADDRESS"),
}  # fmt: skip


def ledger(stack: Any) -> str:
    return str(stack.home / "studies")


def left_in_store(stack: Any) -> int:
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "s3", endpoint_url=stack.env["AWS_ENDPOINT_URL"],
        aws_access_key_id=stack.env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stack.env["AWS_SECRET_ACCESS_KEY"], region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}),
    )  # fmt: skip
    pages = client.get_paginator("list_objects_v2").paginate(Bucket="gensweep")
    return sum(page["KeyCount"] for page in pages)


@pytest.mark.parametrize("case", CASES)
def test_one_line_names_the_value(
    case: str, stack: Any, stack_scripts: Any, tmp_path: Path
) -> None:
    make, env, named = CASES[case]
    before = (list_sweeps(ledger(stack)), left_in_store(stack))
    done = stack_scripts.run(ROOT / "sweeps" / "gan_stability.py", make(tmp_path),
                             env=stack.env | env, cwd=tmp_path)  # fmt: skip
    assert done.returncode == 2, (done.stdout + done.stderr)[-2000:]
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    assert done.stderr.splitlines()[-1] == lines[0]
    assert named in lines[0]
    assert (list_sweeps(ledger(stack)), left_in_store(stack)) == before


SIGNALLED = """
import dataclasses, os, signal
import ray
from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG

GAN = CATALOG["gan"]

def game(config, data):
    if ray.is_initialized():
        os.kill(os.getpid(), signal.SIGTERM)
    return GAN.game(config, data)

model = dataclasses.replace(GAN, game=game)
main("A test.", Sweep(name="s", model=model, space=GAN.space, data="ring8"), ["--dry-run"])
"""
"""A dry run that gets SIGTERM once it has joined Ray, whose handler would dump its stack."""


def test_a_signal_before_training_is_told_in_a_line(
    stack: Any, stack_scripts: Any, tmp_path: Path
) -> None:
    script = tmp_path / "signalled.py"
    script.write_text(SIGNALLED)
    done = stack_scripts.run(script, [], env=stack.env, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (130, "interrupted before training began.\n")
