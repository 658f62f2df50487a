"""Records which process drives a sweep, for who goes on with the sweep when that process has died.

A driver writes its record once the sweep is its own, and removes it when the sweep is done or its
user stops it.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from gensweep.files import write_atomically
from gensweep.home import Home

JOB_CONFIG = "RAY_JOB_CONFIG_JSON_ENV_VAR"
"""The variable by which Ray tells a driver of the submitted job that it is."""
AFTER = "gensweep_after"
"""Metadata of a job that was submitted in the place of another one: the other one's id."""
UPLOADED = "gcs://"
"""Beginning of the URI of a folder that was uploaded with a job, and that Ray deletes with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmittedJob:
    """The job of Ray's that this process is the driver of."""

    id: str = ""
    """Empty: a process that was started by hand."""
    after: str = ""
    """The job that died before, in whose place this one was submitted; empty: none."""
    package: str = ""
    """URI of its uploaded working folder; empty: it runs where the cluster was started."""

    @classmethod
    def of_this_process(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read what Ray has told this process."""
        told = json.loads(environ.get(JOB_CONFIG) or "{}")
        metadata, env = told.get("metadata") or {}, told.get("runtime_env") or {}
        folder = str(env.get("working_dir") or "")
        return cls(id=metadata.get("job_submission_id", ""), after=metadata.get(AFTER, ""),
                   package=folder if folder.startswith(UPLOADED) else "")  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class DriverRecord:
    """The driver of a sweep, as it was called: plain JSON."""

    sweep: str
    command: str
    """What a person types to go on."""
    arguments: tuple[str, ...]
    """The script and its options."""
    job: str = ""
    """Ray's id of the submitted job that it is; empty: none, or one that nobody need look after."""
    after: str = ""
    """The job that died before, in whose place this one was submitted; empty: none."""

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Read the record in a sweep's folder; None if there is none, or another version's."""
        try:
            stored: dict[str, Any] = json.loads(_file(folder).read_text())
            return cls(**{**stored, "arguments": tuple(stored["arguments"])})
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def write(self, folder: Path) -> None:
        """Put the record into a sweep's folder, in the place of any other."""
        write_atomically(_file(folder), json.dumps(asdict(self)))


def _file(folder: Path) -> Path:
    return folder / "driver.json"


def package_file(folder: Path) -> Path:
    """Locate the copy of the working folder that was uploaded with the driver's job, if one was."""
    return folder / "working_dir.zip"


def records(home: Home) -> Iterator[DriverRecord]:
    """Read the records of all sweeps of a home."""
    for file in sorted(home.path.glob("spool/*/driver.json")):
        if (record := DriverRecord.read(file.parent)) is not None:
            yield record


def forget_driver(folder: Path) -> None:
    """Remove the record and the copy of what was uploaded."""
    _file(folder).unlink(missing_ok=True)
    package_file(folder).unlink(missing_ok=True)
