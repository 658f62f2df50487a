"""`--download`: the files of a known data set, fetched to where `--data` looks for them."""

import os
from pathlib import Path
from urllib.parse import urlsplit

from gensweep.data import NAMES, download
from gensweep.errors import UserError
from gensweep.spec import RunRequest


def check_download(request: RunRequest) -> None:
    """`UserError` unless the data set can be fetched, and `--download` is a web address."""
    name, folder = _target(request.sweep.data)
    if name not in NAMES or str(folder).startswith("s3:"):
        raise UserError(f"--download fetches {' or '.join(NAMES)} into a folder, but got --data "
                        f"{request.sweep.data}: write --data mnist or mnist=FOLDER.")  # fmt: skip
    parts = urlsplit(request.download or "")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UserError(
            f"--download {request.download!r} is no web address: write https://host/folder."
        )
    for option, value in request.sweep.data_options.given().items():
        raise UserError(f"{name} has one form only, but got --{option.replace('_', '-')} "
                        f"{value}: leave it out.")  # fmt: skip


def fetch(request: RunRequest) -> None:
    """Download the files if `--download` was given; those that are there are kept."""
    if request.download is not None:
        name, folder = _target(request.sweep.data)
        download(name, folder, request.download)


def _target(data: str) -> tuple[str, Path]:
    """The name and the folder of `NAME=FOLDER`, or the usual folder of a name alone."""
    name, _, folder = data.partition("=")
    return name, Path(folder or Path(os.environ.get("GENSWEEP_DATA") or "data") / name)
