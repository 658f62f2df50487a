"""Goes on, once, with the sweep of a submitted job that died: `python -m gensweep.cluster.resumer`.

Runs on the head of a cluster, or in the embedded stack. A driver that is killed, or that ends with
its head, leaves its record in the home folder. If it was a submitted job, the same is submitted
again, as ID-resumed, with `--resume NAME`. A job that was stopped, or that said itself why it
ended, is left alone; so is one that died a second time, and one that is more than the call of one
script: the log then names the command that goes on.
"""

import argparse
import logging
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gensweep.cluster._node_settings import Settings
from gensweep.cluster._service import Backoff, StopRequested, StopSignal
from gensweep.driver_record import AFTER, UPLOADED, DriverRecord, package_file, records
from gensweep.home import Home, find_home
from gensweep.log import configure_logging
from gensweep.stack_env import load_env

if TYPE_CHECKING:
    from ray.job_submission import JobDetails, JobSubmissionClient

_log = logging.getLogger("gensweep.cluster.resumer")  # run as a script, it is called __main__
POLL_S = 5.0
KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
"""Exit codes of a killed driver: as Python tells them, and as a shell does."""
SHELL = re.compile(r"[;&|\n$`]")
"""What joins commands to one line, where to go on would begin the others anew, and what a shell
replaces."""


class Resumer:
    """Looks after the submitted jobs that drive sweeps of one home.

    What it knows of running jobs it has in memory, for Ray may forget them with its head. Not
    thread-safe.
    """

    def __init__(self, home: Home, connect: Callable[[], "JobSubmissionClient"]):
        self._home, self._connect = home, connect
        self._jobs: JobSubmissionClient | None = None
        self._running: dict[str, JobDetails] = {}
        """Jobs that were seen at work, by id."""

    def look(self) -> None:
        """Submit again what has died since the last look; raises what Ray's client raises."""
        for record in records(self._home):
            if record.job:
                self._look_after(record)

    def disconnect(self) -> None:
        """Connect anew at the next look: the head may listen elsewhere by then."""
        self._jobs = None

    def _client(self) -> "JobSubmissionClient":
        if self._jobs is None:
            self._jobs = self._connect()
        return self._jobs

    def _look_after(self, record: DriverRecord) -> None:
        found = self._ask(record.job)
        if DriverRecord.read(self._folder(record)) != record:  # it ended, or another went on
            return
        if found is not None and found.status in ("PENDING", "RUNNING"):
            self._running[record.job] = found
            return
        seen = self._running.get(record.job)
        if found is None and seen is None:  # of a cluster before this one: nobody saw how it ended
            self._leave(record, "is known to Ray no more")
        elif found is not None and not died_without_a_word(found):
            self._leave(record, f"ended: {found.status}, exit code {found.driver_exit_code}")
        else:
            self._go_on(record, found or seen)

    def _ask(self, job: str) -> "JobDetails | None":
        """Return what Ray knows of the job; None if nothing."""
        try:
            return self._client().get_job_info(job)
        except RuntimeError as error:
            if "status code 404" not in str(error):
                raise
            return None

    def _go_on(self, record: DriverRecord, job: Any) -> None:
        entrypoint = resuming_entrypoint(job.entrypoint, record)
        if record.after:
            self._leave(record, f"died, as {record.after} did before")
        elif entrypoint is None:
            self._leave(record, f"died, and is more than a script of ours: {job.entrypoint}")
        else:
            self._submit(record, job, entrypoint)

    def _submit(self, record: DriverRecord, job: Any, entrypoint: str) -> None:
        """Submit the job once more; its id is taken where this was cut short after that before."""
        again = f"{record.job}-resumed"
        try:
            self._client().submit_job(
                entrypoint=entrypoint, submission_id=again,
                runtime_env=self._runtime_env(record, dict(job.runtime_env or {})),
                metadata={**(job.metadata or {}), AFTER: record.job},
            )  # fmt: skip
        except RuntimeError as error:
            if "already exists" not in str(error):
                self._leave(record, f"died, and Ray refuses to run it again ({error})")
                return
        _log.warning("job %s died: job %s goes on with sweep %s", record.job, again, record.sweep)
        if DriverRecord.read(self._folder(record)) == record:  # its driver may have written by now
            replace(record, job=again, after=record.job).write(self._folder(record))

    def _runtime_env(self, record: DriverRecord, env: dict[str, Any]) -> dict[str, Any]:
        """Return the job's environment, whose uploaded folder Ray may have deleted, with a copy."""
        package = package_file(self._folder(record))
        is_uploaded = str(env.get("working_dir") or "").startswith(UPLOADED)
        return {**env, "working_dir": str(package)} if is_uploaded and package.exists() else env

    def _leave(self, record: DriverRecord, why: str) -> None:
        """Say once what became of the job, and how a person goes on with its sweep."""
        _log.warning("job %s %s: sweep %s goes on by %s", record.job, " ".join(why.split())[:200],
                     record.sweep, record.command)  # fmt: skip
        replace(record, job="").write(self._folder(record))
        package_file(self._folder(record)).unlink(missing_ok=True)

    def _folder(self, record: DriverRecord) -> Path:
        return self._home.spool(record.sweep)


def died_without_a_word(job: Any) -> bool:
    """Return whether a job's driver was killed, or ended with its head."""
    return job.status == "FAILED" and job.driver_exit_code in (None, *KILLED)


def resuming_entrypoint(entrypoint: str, record: DriverRecord) -> str | None:
    """Return the job's command line with `--resume`; None unless it is one script's call.

    >>> record = DriverRecord(sweep="s", command="", arguments=("x.py", "--name", "s", "-v"))
    >>> resuming_entrypoint("python x.py --name s -v", record)
    'python x.py -v --resume s'
    >>> resuming_entrypoint("python y.py && python x.py --name s -v", record)
    >>> record = DriverRecord(sweep="s", command="", arguments=("x.py", "--ledger", "a?b=c"))
    >>> resuming_entrypoint("A=1 python x.py --ledger a?b=c", record)
    "A=1 python x.py --ledger 'a?b=c' --resume s"
    """
    # Words, for whoever submitted it quoted them in another way than we would.
    try:
        words, called = shlex.split(entrypoint), list(record.arguments)
    except ValueError:
        return None
    before = words[: -len(called)]
    if before + called != words or SHELL.search(" ".join(before)):
        return None
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name")
    named.add_argument("--resume")
    script, *options = record.arguments
    _, others = named.parse_known_args(options)
    return shlex.join([*before, script, *others, "--resume", record.sweep])


def connect_to_jobs(home: Home) -> "JobSubmissionClient":
    """Connect to the dashboard that takes the jobs of a home's cluster, wherever it is by now."""
    from ray.job_submission import JobSubmissionClient

    address = load_env(home) or os.environ
    return JobSubmissionClient(address["RAY_API_SERVER_ADDRESS"])


def serve(resumer: Resumer, stop: StopSignal) -> None:
    """Look every `POLL_S` seconds until SIGTERM; after a failure, wait ever longer."""
    backoff = Backoff(stop)
    while not stop.asked.is_set():
        try:
            resumer.look()
            backoff.succeeded()
            with stop.waiting():
                stop.asked.wait(POLL_S)
        except StopRequested:
            return
        except Exception as error:  # Ray's client raises of several kinds while its head is away
            resumer.disconnect()
            backoff.failed(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")


def run_resumer(settings: Settings) -> None:
    """Serve on the head of a cluster until SIGTERM."""
    from gensweep.cluster._node_ray import DASHBOARD_PORT, home_of

    os.environ["GENSWEEP_HOME"] = home_of(settings)
    os.environ.setdefault("RAY_API_SERVER_ADDRESS", f"http://127.0.0.1:{DASHBOARD_PORT}")
    main([])


def main(argv: Sequence[str] | None = None) -> int:
    """Exit status 0 after SIGTERM."""
    argparse.ArgumentParser(prog="python -m gensweep.cluster.resumer",
                            description=__doc__).parse_args(argv)  # fmt: skip
    configure_logging()
    home = find_home()
    serve(Resumer(home, lambda: connect_to_jobs(home)), StopSignal())
    return 0


if __name__ == "__main__":
    sys.exit(main())
