"""Leaves a trace of this process while it drives a sweep, by which a cluster goes on with it."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gensweep.driver_record import DriverRecord, SubmittedJob, forget_driver, package_file
from gensweep.files import write_atomically
from gensweep.home import Home
from gensweep.patience import write_patiently
from gensweep.planning import Plan

_log = logging.getLogger(__name__)


@contextmanager
def recorded_driver(plan: Plan, command: str) -> Iterator[None]:
    """Keep a record of this process until the sweep is done, or is stopped by its user.

    `command` is what goes on with the sweep. The record stays after an error, which may be that of
    a head that has just died: see the job's status.
    """
    folder = Home(Path(plan.home)).spool(plan.request.sweep.name)
    job = SubmittedJob.of_this_process()
    forget_driver(folder)
    if job.package:
        _keep_package(job.package, folder)
    record = DriverRecord(
        sweep=plan.request.sweep.name, command=command,
        arguments=tuple(sys.argv), job=job.id, after=job.after,
    )  # fmt: skip
    write_patiently(folder, lambda: record.write(folder))
    if job.after:
        _log.warning("goes on in the place of job %s, which died", job.after)
    try:
        yield
    except KeyboardInterrupt:
        forget_driver(folder)
        raise
    forget_driver(folder)


def _keep_package(uri: str, folder: Path) -> None:
    """Copy the working folder that came with the job: Ray deletes its own with the job."""
    from ray.experimental.internal_kv import _internal_kv_get

    if data := _internal_kv_get(uri):
        write_patiently(folder, lambda: write_atomically(package_file(folder), data))
