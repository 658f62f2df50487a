"""Tracking against a real MLflow server that is stopped, killed and started again."""

import contextlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gensweep.errors import UserError
from gensweep.tracking import Spool, Tracker, check_server, upgrade_database
from gensweep.tracking._mlflow_writes import Sink
from proxy import Proxy
from tracking.mlflow_server import Server
from waiting import until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.stack, pytest.mark.slow("an MLflow server starts", minutes=0.3)]


def runs_of(client: Any, experiment: str, sweep: str) -> dict[str, Any]:
    """Runs by name; fails if a name occurs twice."""
    found = client.get_experiment_by_name(experiment)
    runs = client.search_runs([found.experiment_id], f"tags.`gensweep.sweep` = '{sweep}'")
    by_name = {run.info.run_name: run for run in runs}
    assert len(by_name) == len(runs), "a run was made twice"
    return by_name


def history(client: Any, run: Any, key: str) -> list[tuple[int, float]]:
    return [(m.step, m.value) for m in client.get_metric_history(run.info.run_id, key)]


def png() -> bytes:
    out = io.BytesIO()
    Image.new("L", (32, 16), 128).save(out, "PNG")
    return out.getvalue()


DATA = {"name": "digits", "hash": "5f" * 32, "source": "s3://bucket/digits"}


def begin(tracker: Tracker) -> None:
    tracker.start_sweep(config={"model": "gan"}, seed=3, data=DATA, tags={"owner": "ann"})


@pytest.mark.slow("an MLflow server starts, and hears of a whole sweep", minutes=0.3)
def test_whole_sweep(server: Server, client: Any, tmp_path: Path,
                     monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    with Tracker(Spool(tmp_path), server.uri, "whole", "s") as tracker:
        begin(tracker)
        tracker.start_trial(7, {"learning_rate": 0.001, "note": "wJalrXUtnFEMI"}, seed=11)
        for step in (100, 200):
            tracker.log_metrics(7, step, {"fid": 1.0 / step, "loss": float("nan")})
            tracker.log_image(7, "samples/grid", step, png())
        tracker.log_artifact(7, "notes/env.txt", b"key=wJalrXUtnFEMI")
        tracker.finish_trial(
            7, "diverged", "loss is nan, s3://k:topsecret@h", {"fid": 0.5, "kid": 0.5}
        )
        tracker.start_trial(8, {"learning_rate": 0.01})
        tracker.finish_trial(8, "failed", "an error")
        tracker.log_artifact(None, "report.html", b"<html>")
        tracker.finish_sweep(metrics={"best": 0.5})
        assert tracker.flush(60), tracker.last_error
        assert tracker.refused_count == 0
        assert tracker.describe_undelivered() == ""
        assert tracker.run_id(7) is not None
    runs = runs_of(client, "whole", "s")
    assert set(runs) == {"s", "trial-0007", "trial-0008"}
    parent, trial = runs["s"], runs["trial-0007"]
    assert trial.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert trial.data.tags["gensweep.trial"] == "s/7"
    assert (trial.info.status, trial.data.tags["gensweep.status"]) == ("FINISHED", "diverged")
    assert trial.data.tags["gensweep.cause"] == "loss is nan, s3://k:***@h"
    assert trial.data.params == {"learning_rate": "0.001", "note": "***"}
    assert trial.data.metrics["kid"] == 0.5  # the other has points of its own
    assert trial.data.metrics["fid"] == 1 / 200
    assert [step for step, _ in history(client, trial, "fid")] == [100, 200]
    assert runs["trial-0008"].info.status == "FAILED"
    assert (parent.info.status, parent.data.tags["gensweep.seed"]) == ("FINISHED", "3")
    assert parent.inputs.dataset_inputs[0].dataset.digest == ("5f" * 32)[:36]
    for name in ("config.json", "report.html"):
        assert name in [a.path for a in client.list_artifacts(parent.info.run_id)]
    text = client.download_artifacts(trial.info.run_id, "notes/env.txt", str(tmp_path))
    assert Path(text).read_text() == "key=***"


def test_images_lie_where_log_image_puts_them(server: Server, client: Any, tmp_path: Path) -> None:
    with Tracker(Spool(tmp_path), server.uri, "images", "s") as tracker:
        tracker.log_image(1, "samples/grid", 200, png())
        assert tracker.flush(60), tracker.last_error
    run = runs_of(client, "images", "s")["trial-0001"]
    ours = sorted(a.path for a in client.list_artifacts(run.info.run_id, "images"))
    reference = client.create_run(run.info.experiment_id).info.run_id
    client.log_image(reference, Image.new("L", (8, 8)), key="samples/grid", step=200)
    theirs = sorted(a.path for a in client.list_artifacts(reference, "images"))

    def shape(paths: list[str]) -> list[list[str]]:
        """The names' parts, without the time and the identifier."""
        parts = [path.split("+") for path in paths]
        return [p[:4] + [x.partition(".")[0 if i else 2] for i, x in enumerate(p[5:])]
                for p in parts]  # fmt: skip

    assert shape(ours) == shape(theirs)
    assert [Path(p).suffix for p in ours] == [Path(p).suffix for p in theirs]
    logged = client.get_run(reference).data.tags["mlflow.loggedImages"]
    assert run.data.tags["mlflow.loggedImages"] == logged


def test_resumed_tracker_attaches_and_repeats_nothing(
    server: Server, client: Any, tmp_path: Path
) -> None:
    for top in (300, 600):  # the second starts again from its checkpoint at 100
        with Tracker(Spool(tmp_path), server.uri, "resume", "s") as tracker:
            begin(tracker)
            tracker.start_trial(0, {"x": 1})
            for step in range(100, top + 1, 100):
                tracker.log_metrics(0, step, {"fid": float(step)})
    (tmp_path / "runs.jsonl").unlink()  # a new machine: only the server knows the runs
    with Tracker(Spool(tmp_path), server.uri, "resume", "s") as tracker:
        begin(tracker)
        tracker.log_metrics(0, 700, {"fid": 700.0})
    runs = runs_of(client, "resume", "s")
    assert set(runs) == {"s", "trial-0000"}
    steps = history(client, runs["trial-0000"], "fid")
    assert steps == [(n, float(n)) for n in range(100, 701, 100)]


def test_everything_delivered_twice_is_there_once(
    server: Server, client: Any, tmp_path: Path
) -> None:
    spool = Spool(tmp_path)
    with Tracker(spool, server.uri, "twice", "s") as tracker:
        begin(tracker)
        tracker.start_trial(0, {"x": 1})
        for step in range(1, 51):
            tracker.log_metrics(0, step, {"a": 1.0, "b": 2.0})
        tracker.finish_trial(0, "completed", metrics={"c": 1.0})
        assert tracker.flush(60), tracker.last_error
    (tmp_path / "acked").unlink()
    with contextlib.closing(Spool(tmp_path)) as again:
        assert not again.empty
    events = json.loads((tmp_path / "000000000001.jsonl").read_text().splitlines()[1])
    assert events["kind"] == "artifact"  # its file is gone with the acknowledgement
    lines = (tmp_path / "000000000001.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "000000000001.jsonl").write_text("".join(lines[:1] + lines[2:]))
    with Tracker(Spool(tmp_path), server.uri, "twice", "s") as tracker:
        assert tracker.flush(60), tracker.last_error
        assert tracker.refused_count == 0
    run = runs_of(client, "twice", "s")["trial-0000"]
    for key in ("a", "b"):
        assert [step for step, _ in history(client, run, key)] == list(range(1, 51))
    assert len(history(client, run, "c")) == 1


@pytest.mark.slow("an MLflow server is away for seconds", minutes=1.5)
@pytest.mark.parametrize("how", ["frozen", "killed"])
def test_outage_loses_and_repeats_nothing(
    server: Server, client: Any, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    slowest = 0.0
    with Tracker(Spool(tmp_path), server.uri, how, "s") as tracker:
        begin(tracker)
        for step in range(1, 301):
            if step == 60:
                server.kill() if how == "killed" else server.signal(signal.SIGSTOP)
            if step == 240:
                assert not tracker.flush(0.1)
                server.start() if how == "killed" else server.signal(signal.SIGCONT)
            began = time.monotonic()
            for trial in range(3):
                if step == 1 + 70 * trial:  # two of them start during the outage
                    tracker.start_trial(trial, {"x": trial})
                if step >= 1 + 70 * trial:
                    tracker.log_metrics(trial, step, {"fid": float(step), "loss": 1.0})
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(0.03)
        for trial in range(3):
            tracker.finish_trial(trial, "completed")
        assert tracker.flush(120), tracker.last_error
        assert tracker.refused_count == 0
    assert slowest < 5.0, "training waited for the server, which was away for longer"
    runs = runs_of(client, how, "s")
    assert set(runs) == {"s", "trial-0000", "trial-0001", "trial-0002"}
    for trial in range(3):
        expected = [(n, float(n)) for n in range(1 + 70 * trial, 301)]
        assert history(client, runs[f"trial-{trial:04d}"], "fid") == expected


WRITER = """
import sys
sys.path.insert(0, {platform!r})
from gensweep.tracking import Spool, Tracker
tracker = Tracker(Spool({folder!r}), {uri!r}, "writer", "s")
tracker.start_sweep(config={{}}, seed=1)
tracker.start_trial(0, {{"x": 1}})
for step in range(1, {steps}):
    tracker.log_metrics(0, step, {{"fid": float(step)}})
    print(step, flush=True)
tracker.finish_trial(0, "completed")
sys.exit(0 if tracker.close(60) else 1)
"""


def test_answers_that_are_cut_off_lose_and_repeat_nothing(
    server: Server, client: Any, tmp_path: Path
) -> None:
    proxy = Proxy(server.port, seed=1)
    proxy.loss = 0.4
    with Tracker(Spool(tmp_path), f"http://127.0.0.1:{proxy.port}", "cut", "s") as tracker:
        begin(tracker)
        for number in range(6):
            tracker.start_trial(number, {"learning_rate": 0.1}, seed=number)
            tracker.log_metrics(number, 100, {"fid": 0.5})
            tracker.finish_trial(number, "completed", "")
        until(lambda: proxy.cuts >= 5, 30)
        proxy.up()
        assert tracker.flush(60), tracker.last_error
        assert tracker.refused_count == 0
    proxy.down()
    runs = runs_of(client, "cut", "s")
    assert set(runs) == {"s", *(f"trial-{number:04d}" for number in range(6))}
    for number in range(6):
        run = runs[f"trial-{number:04d}"]
        assert (history(client, run, "fid"), run.info.status) == ([(100, 0.5)], "FINISHED")


@pytest.mark.nightly
@pytest.mark.slow("MLflow waits for a lock of its database, and starts again", minutes=0.5)
def test_a_locked_database_and_a_death_within_a_write_repeat_nothing(
    server: Server, client: Any, tmp_path: Path
) -> None:
    """Another one holds the lock of the database for a while; the second time, MLflow dies within
    a write that waits for it."""
    with Tracker(Spool(tmp_path), server.uri, "locked", "s") as tracker:
        begin(tracker)
        for number in range(2):
            with locked(server.database):
                tracker.start_trial(number, {"x": number})
                for step in range(1, 301):
                    tracker.log_metrics(number, step, {"fid": float(step)})
                assert not tracker.flush(2)
                if number == 1:
                    server.kill()
            if number == 1:
                server.start()
            tracker.finish_trial(number, "completed")
            assert tracker.flush(60), tracker.last_error
        assert tracker.refused_count == 0
    runs = runs_of(client, "locked", "s")
    assert set(runs) == {"s", "trial-0000", "trial-0001"}
    for number in range(2):
        run = runs[f"trial-{number:04d}"]
        expected = [(step, float(step)) for step in range(1, 301)]
        assert (history(client, run, "fid"), run.info.status) == (expected, "FINISHED")


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Meanwhile, nobody else can write to an SQLite database."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")


@pytest.mark.slow("four writers start, and three of them are killed")
def test_killed_writer_loses_and_repeats_nothing(
    server: Server, client: Any, tmp_path: Path
) -> None:
    code = WRITER.format(platform=str(ROOT / "platform"), folder=str(tmp_path), uri=server.uri,
                         steps=2001)  # fmt: skip
    for lines in (150, 900, 1500):
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    runs = runs_of(client, "writer", "s")
    assert set(runs) == {"s", "trial-0000"}
    steps = history(client, runs["trial-0000"], "fid")
    assert steps == [(n, float(n)) for n in range(1, 2001)]


def test_a_run_that_fails_holds_up_no_other_and_misses_nothing(
    server: Server, client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs are delivered side by side: what was delivered beyond a failure comes again, once."""
    inner, failures = Sink.deliver, [ConnectionError("away")] * 2

    def deliver(self: Sink, group: Any, spool: Spool) -> None:
        if group[0][0]["trial"] == 1 and failures:
            raise failures.pop()
        inner(self, group, spool)

    monkeypatch.setattr(Sink, "deliver", deliver)
    with Tracker(Spool(tmp_path), server.uri, "side by side", "s") as tracker:
        begin(tracker)
        for trial in range(6):
            tracker.start_trial(trial, {"x": trial})
            for step in range(1, 4):
                tracker.log_metrics(trial, step, {"fid": float(step)})
            tracker.finish_trial(trial, "completed", metrics={"fid": 3.0})
        assert tracker.flush(60), tracker.last_error
    assert not failures
    runs = runs_of(client, "side by side", "s")
    assert len(runs) == 7
    for trial in range(6):
        run = runs[f"trial-{trial:04d}"]
        assert history(client, run, "fid") == [(n, float(n)) for n in range(1, 4)]
        assert run.info.status == "FINISHED"


def test_refused_event_is_set_aside_and_the_rest_goes_on(
    server: Server, client: Any, tmp_path: Path
) -> None:
    with Tracker(Spool(tmp_path), server.uri, "refused", "s") as tracker:
        tracker.log_metrics(0, 1, {"fid": 1.0})
        tracker.log_metrics(0, 2, {"kid": 2.0, "no such {name}": 1.0, "ssim": 0.5})
        tracker.log_metrics(0, 3, {"fid": 3.0})
        tracker.finish_trial(0, "completed", metrics={"../last": 4.0, "psnr": 5.0})
        assert tracker.flush(60), tracker.last_error
        assert tracker.refused_count == 2
    aside = tmp_path / "rejected.jsonl"
    aside.write_text(aside.read_text() + '{"event": {"tri')  # whose writer was killed
    with Tracker(Spool(tmp_path), server.uri, "refused", "s") as tracker:  # it is lost for good
        assert tracker.describe_undelivered().startswith(
            "the tracker refused 2 events, kept with its reasons in "
        )
    reasons = [json.loads(line)["reason"] for line in aside.open()]
    assert ["no such" in one for one in reasons] == [True, False]
    assert ["../last" in one for one in reasons] == [False, True]
    run = runs_of(client, "refused", "s")["trial-0000"]
    assert history(client, run, "fid") == [(1, 1.0), (3, 3.0)]
    assert (history(client, run, "kid"), history(client, run, "ssim")) == ([(2, 2.0)], [(2, 0.5)])
    assert (run.data.metrics["psnr"], run.info.status) == (5.0, "FINISHED")


@pytest.mark.parametrize("part", [0, 20, 45])
def test_a_picture_that_was_cut_short_holds_up_nothing(
    part: int, server: Server, client: Any, tmp_path: Path
) -> None:
    """As a machine leaves it that dies before all of a file is on its disk."""
    sweep = f"cut-{part}"
    with Tracker(Spool(tmp_path), server.uri, "cut", sweep) as tracker:
        tracker.log_image(0, "samples", 1, png()[:part])
        tracker.log_image(0, "samples", 2, png())
        tracker.log_metrics(0, 3, {"fid": 3.0})
        assert tracker.flush(60), tracker.last_error
        assert tracker.refused_count == 1
    assert "no picture" in (tmp_path / "rejected.jsonl").read_text()
    run = runs_of(client, "cut", sweep)["trial-0000"]
    assert history(client, run, "fid") == [(3, 3.0)]


def test_a_database_that_mlflow_cannot_make_is_not_there_by_half(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONHOME": str(tmp_path)}  # no Python starts with it
    with pytest.raises(subprocess.CalledProcessError) as caught:
        upgrade_database(f"sqlite:///{tmp_path / 'made' / 'mlflow.db'}", environ)
    assert "encodings" in caught.value.stderr
    assert list((tmp_path / "made").iterdir()) == []


def test_reachable_server_passes_the_check(server: Server) -> None:
    check_server(server.uri)
    began = time.monotonic()
    server.signal(signal.SIGSTOP)
    try:
        with pytest.raises(UserError, match="no MLflow server answers"):
            check_server(server.uri)
    finally:
        server.signal(signal.SIGCONT)
    assert time.monotonic() - began < 30
