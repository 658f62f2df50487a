"""A job that was killed is submitted again, once; of any other a person is told."""

import json
import logging
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gensweep.cluster.resumer import Resumer, resuming_entrypoint
from gensweep.driver_record import (
    AFTER,
    JOB_CONFIG,
    DriverRecord,
    SubmittedJob,
    package_file,
    records,
)
from gensweep.home import Home

ROOT = Path(__file__).resolve().parents[2]
RECORD = DriverRecord(
    sweep="s", command="python x.py --resume s", arguments=("x.py", "--trials", "3", "--name=s"),
    job="first",
)  # fmt: skip


@dataclass
class Job:
    """As Ray tells of a job."""

    status: str
    driver_exit_code: int | None = None
    entrypoint: str = "python x.py --trials 3 --name=s"
    runtime_env: dict[str, Any] = field(
        default_factory=lambda: {"working_dir": "gcs://a.zip", "env_vars": {"A": "1"}}
    )
    metadata: dict[str, str] = field(default_factory=lambda: {"who": "me"})


class Jobs:
    """Ray's job server, of which the test says what it knows."""

    def __init__(self) -> None:
        self.known: dict[str, Job] = {}
        self.submitted: list[dict[str, Any]] = []
        self.is_starting = False

    def get_job_info(self, job: str) -> Job:
        if job not in self.known:
            raise RuntimeError(f"Request failed with status code 404: Job {job} does not exist.")
        return self.known[job]

    def submit_job(self, **asked: Any) -> None:
        if self.is_starting:
            raise ConnectionError("no agent takes jobs yet")
        if asked["submission_id"] in self.known:
            raise RuntimeError(f"Job with submission_id {asked['submission_id']} already exists.")
        self.known[asked["submission_id"]] = Job("PENDING", entrypoint=asked["entrypoint"])
        self.submitted.append(asked)


@pytest.fixture(autouse=True)
def _heard() -> None:
    logging.getLogger("gensweep").propagate = True


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    RECORD.write(home.spool("s"))
    package_file(home.spool("s")).write_bytes(b"uploaded")
    return home


def test_what_a_job_is_told_names_its_driver() -> None:
    told = {"metadata": {"job_submission_id": "b", AFTER: "a"},
            "runtime_env": {"working_dir": "gcs://x.zip"}}  # fmt: skip
    found = SubmittedJob.of_this_process({JOB_CONFIG: json.dumps(told)})
    assert found == SubmittedJob(id="b", after="a", package="gcs://x.zip")
    assert SubmittedJob.of_this_process({}) == SubmittedJob()


@pytest.mark.parametrize("code", [-signal.SIGKILL, 128 + signal.SIGKILL, None])
def test_a_killed_job_is_submitted_again_once(
    home: Home, code: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs()
    jobs.known["first"] = Job("FAILED", code)
    resumer = Resumer(home, lambda: jobs)  # type: ignore[arg-type, return-value]
    resumer.look()
    (again,) = jobs.submitted
    assert again["entrypoint"] == "python x.py --trials 3 --resume s"
    assert again["submission_id"] == "first-resumed"
    assert again["metadata"] == {"who": "me", AFTER: "first"}
    assert again["runtime_env"] == {
        "working_dir": str(package_file(home.spool("s"))), "env_vars": {"A": "1"},
    }  # fmt: skip
    jobs.known["first-resumed"] = Job("FAILED", code)
    for _ in range(2):
        resumer.look()
    assert len(jobs.submitted) == 1
    assert [m for m in caplog.messages if m.endswith(f"goes on by {RECORD.command}")] == [
        "job first-resumed died, as first did before: sweep s goes on by python x.py --resume s"
    ]


def test_a_cut_short_submission_is_not_made_twice(home: Home) -> None:
    jobs = Jobs()
    jobs.known |= {"first": Job("FAILED", -9), "first-resumed": Job("RUNNING")}
    Resumer(home, lambda: jobs).look()  # type: ignore[arg-type, return-value]
    assert jobs.submitted == []
    assert [record.job for record in records(home)] == ["first-resumed"]


def test_a_job_that_ray_forgot_with_its_head_was_seen_before(home: Home) -> None:
    jobs = Jobs()
    resumer = Resumer(home, lambda: jobs)  # type: ignore[arg-type, return-value]
    jobs.known["first"] = Job("RUNNING")
    resumer.look()
    jobs.known.clear()
    jobs.is_starting = True
    with pytest.raises(ConnectionError):
        resumer.look()
    jobs.is_starting = False
    resumer.look()
    assert [one["submission_id"] for one in jobs.submitted] == ["first-resumed"]


@pytest.mark.parametrize(
    ("job", "told"),
    [
        (Job("STOPPED"), "ended: STOPPED"),
        (Job("FAILED", 1), "ended: FAILED, exit code 1"),
        (Job("SUCCEEDED", 0), "ended: SUCCEEDED"),
        (None, "is known to Ray no more"),
        (Job("FAILED", -9, "python a.py && python x.py --trials 3 --name=s"), "more than a script"),
        (Job("FAILED", -9, "bash -c 'python x.py --trials 3 --name=s'"), "more than a script"),
    ],
)
def test_what_is_left_alone_is_told_of_once(
    home: Home, job: Job | None, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs()
    jobs.known |= {"first": job} if job else {}
    resumer = Resumer(home, lambda: jobs)  # type: ignore[arg-type, return-value]
    for _ in range(2):
        resumer.look()
    assert jobs.submitted == []
    (line,) = caplog.messages
    assert told in line
    assert line.endswith("sweep s goes on by python x.py --resume s")


def test_a_resumed_sweep_is_resumed_by_the_same_options() -> None:
    record = DriverRecord(sweep="s", command="", arguments=("x.py", "--resume", "s", "-v"))
    assert resuming_entrypoint("A=1 python x.py --resume s -v", record) == (
        "A=1 python x.py -v --resume s"
    )


def test_the_heads_service_ends_when_systemd_asks(tmp_path: Path) -> None:
    RECORD.write(Home(tmp_path / "gensweep").spool("s"))
    env = {
        "PYTHONPATH": str(ROOT / "platform"), "GENSWEEP_ROLE": "head", "GENSWEEP_CLOUD": "none",
        "GENSWEEP_CLUSTER": "lab", "GENSWEEP_DATA": str(tmp_path),
        "RAY_API_SERVER_ADDRESS": "http://127.0.0.1:9",
    }  # fmt: skip
    argv = [sys.executable, "-m", "gensweep.cluster.node", "resumer"]
    with subprocess.Popen(argv, stderr=subprocess.PIPE, env=env) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        process.terminate()
        assert process.wait(30) == 0, told
    assert b"127.0.0.1:9" in told
