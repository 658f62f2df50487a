"""A sweep that is interrupted or killed goes on where it was, and its numbers are the same."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from ray.job_submission import JobSubmissionClient

from gensweep.driver_record import AFTER
from gensweep.home import Home
from gensweep.lanes import LaneState
from gensweep.stack._process import marked
from gensweep.storage import Checkpoints, StoreUnavailableError, open_store
from raynodes import RayNodes, stack_nodes
from submitted import working_folder
from waiting import until

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "sweeps" / "vae_tradeoff.py"
RAY = str(Path(sys.executable).with_name("ray"))
BUDGET = 90_000
DEADLINE_S = 20
EVALUATED = ("nll", "frechet", "density", "coverage")
OPTIONS = ["--trials", "3", "--budget-images", str(BUDGET), "--packs", "1", "--width", "3",
           "--sampler", "random", "--samples", "200"]  # fmt: skip

pytestmark = [
    pytest.mark.stack,
    pytest.mark.slow("eight sweeps that are interrupted", minutes=4),
]


def start(where: Any, *options: str) -> "subprocess.Popen[str]":
    """The script, on the stack or on nodes."""
    return subprocess.Popen([sys.executable, str(SCRIPT), *options], env=where.env, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip


def submit(stack: Any, *job: str) -> JobSubmissionClient:
    """Submit a job to the stack, and return who knows what becomes of it."""
    subprocess.run([RAY, "job", "submit", "--no-wait", *job], env=stack.env, check=True,
                   capture_output=True, timeout=600)  # fmt: skip
    token = Path(stack.env["RAY_AUTH_TOKEN_PATH"]).read_text().strip()
    return JobSubmissionClient(stack.env["RAY_API_SERVER_ADDRESS"],
                               headers={"Authorization": f"Bearer {token}"})  # fmt: skip


def states(jobs: JobSubmissionClient) -> dict[str, str]:
    """The status of each submitted job."""
    return {str(job.submission_id): job.status for job in jobs.list_jobs()}


def wait_for_checkpoint(
    process: "subprocess.Popen[str]", name: str, before: Sequence[str] = ()
) -> None:
    """Until the store has a checkpoint of the pack that was not there before."""
    end = time.monotonic() + 600
    while set(checkpoints(name)) <= set(before):
        assert process.poll() is None, process.communicate()[0][-3000:]
        assert time.monotonic() < end, "no checkpoint within 600 s"
        time.sleep(0.5)


def checkpoints(name: str) -> list[str]:
    return open_store(os.environ["GENSWEEP_STORE"]).list(f"sweeps/{name}/checkpoints/")


@pytest.fixture(autouse=True)
def _environment(stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in stack.env.items():
        monkeypatch.setenv(name, value)


def results(stack: Any, name: str) -> dict[int, dict[str, Any]]:
    done = stack.run("results", name, "--json")
    assert done.returncode == 0, done.stderr
    return {t["number"]: t for t in json.loads(done.stdout)["trials"]}


def processes(stack: Any, name: str, service: str = "ray") -> list[psutil.Process]:
    """The processes of a service of this stack whose command line, or Ray's title, has `name`."""
    mark = Home(stack.home).load()["id"]
    return [p for p in marked(f"{mark}/{service}") if name in " ".join(p.cmdline())]


@pytest.fixture(scope="module")
def undisturbed(stack: Any) -> dict[int, dict[str, Any]]:
    """The same sweep, left alone."""
    process = start(stack, *OPTIONS, "--name", "undisturbed")
    assert process.wait(600) == 0
    return results(stack, "undisturbed")


def agree(found: dict[int, dict[str, Any]], expected: dict[int, dict[str, Any]]) -> None:
    """Every trial ended once, and its numbers are bit for bit those of a sweep left alone."""
    assert {t["state"] for t in found.values()} <= {"completed", "collapsed"}
    assert {n: t["state"] for n, t in found.items()} == {n: t["state"] for n, t in expected.items()}
    for number, trial in found.items():
        assert trial["params"] == expected[number]["params"]
        assert trial["images"] == expected[number]["images"] >= BUDGET
        assert {k: trial["metrics"][k] for k in EVALUATED} == {
            k: expected[number]["metrics"][k] for k in EVALUATED
        }


def kill_object_server(stack: Any) -> None:
    """End the one process of the store that holds objects; its proxy answers 503 then."""
    (found,) = processes(stack, "swift-object-server", "swift-object")
    found.kill()
    found.wait(20)
    with pytest.raises(StoreUnavailableError):
        open_store(os.environ["GENSWEEP_STORE"]).check()


def bring_back(stack: Any) -> None:
    """Start what is missing of the stack; the store answers at once, though it failed before."""
    assert stack.run("up").returncode == 0
    began = time.monotonic()
    open_store(os.environ["GENSWEEP_STORE"]).check()
    assert time.monotonic() - began < 2


def test_a_jobs_driver_and_the_object_server_are_killed(
    stack: Any, undisturbed: dict[int, Any]
) -> None:
    """Nobody types anything: the stack submits the job once more, and it waits for the store."""
    jobs = submit(stack, "--working-dir", str(working_folder(stack)), "--submission-id", "ended",
                  "--", sys.executable, "sweeps/vae_tradeoff.py", *OPTIONS, "--wait", "300",
                  "--name", "ended")  # fmt: skip
    (driver,) = until(lambda: [p for p in processes(stack, "--name ended")
                               if "python" in p.name()], 30)  # fmt: skip
    until(lambda: checkpoints("ended"), 150, lambda: jobs.get_job_logs("ended")[-3000:])
    driver.kill()
    assert {t["state"] for t in results(stack, "ended").values()} <= {"queued", "leased"}
    kill_object_server(stack)
    until(lambda: "ended-resumed" in states(jobs), 20)
    bring_back(stack)
    until(lambda: states(jobs)["ended-resumed"] == "SUCCEEDED", 150,
          lambda: jobs.get_job_logs("ended-resumed")[-3000:])  # fmt: skip
    assert "in the place of job ended, which died" in jobs.get_job_logs("ended-resumed")
    assert jobs.get_job_info("ended-resumed").metadata == {AFTER: "ended"}
    found = results(stack, "ended")
    agree(found, undisturbed)
    assert [t["attempts"] for t in found.values()] == [2, 2, 2]
    assert list((stack.home / "spool" / "ended").glob("[dw]*")) == []


def test_driver_is_interrupted_twice_and_then_coordinator_and_pack_are_killed(
    stack: Any, undisturbed: dict[int, Any]
) -> None:
    """The second signal ends the sweep at once; `ray job stop` waits for what the first begins."""
    process = start(stack, *OPTIONS, "--name", "interrupted")
    wait_for_checkpoint(process, "interrupted")
    process.send_signal(signal.SIGINT)
    assert process.stdout is not None
    stopping = next(line for line in process.stdout if "stopping: " in line)
    command = f"{SCRIPT} --resume interrupted --packs 1 --width 3`"
    assert stopping.endswith("packs save their lanes (once more ends at once)\n")
    process.send_signal(signal.SIGTERM)
    again_s = time.monotonic()
    output = process.stdout.read()
    assert process.wait() == 130, output[-3000:]
    assert time.monotonic() - again_s < DEADLINE_S
    last = output.splitlines()[-1]
    assert last.startswith("interrupted; what was saved is kept: go on with `")
    assert last.endswith(command)
    assert output.count(command) == 1
    assert "Traceback" not in output
    assert {t["state"] for t in results(stack, "interrupted").values()} <= {"queued", "leased"}
    before = checkpoints("interrupted")
    again = start(stack, "--resume", "interrupted", "--packs", "1")  # of a width that is measured
    wait_for_checkpoint(again, "interrupted", before)
    for victim in [*processes(stack, "CoordinatorActor"), *processes(stack, "ImplicitFunc")]:
        victim.kill()
    output = again.communicate(timeout=600)[0]
    assert again.returncode == 0, output[-3000:]
    assert "the process that decides died and came back" in output
    assert "Traceback" not in output
    assert "bottleneck" not in output  # of Tune's loop, on a busy machine
    found = results(stack, "interrupted")
    agree(found, undisturbed)
    assert [t["attempts"] for t in found.values()] == [3, 3, 3]
    assert {(t["pack_losses"], t["host_losses"]) for t in found.values()} == {(1, 0)}


def test_job_is_stopped(stack: Any) -> None:
    """`ray job stop` waits until the lanes are saved and the trials wait for --resume.

    The stack does not go on with what its user has stopped.
    """
    long = ["--budget-images", str(8 * BUDGET)]  # it must not end before it is stopped
    jobs = submit(stack, "--submission-id", "stopped", "--", sys.executable, str(SCRIPT), *OPTIONS,
                  *long, "--name", "stopped")  # fmt: skip
    until(lambda: checkpoints("stopped"), 150, lambda: jobs.get_job_logs("stopped")[-3000:])
    before = set(checkpoints("stopped"))
    done = subprocess.run([RAY, "job", "stop", "stopped"], env=stack.env, capture_output=True,
                          text=True, timeout=600, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "was stopped" in done.stdout + done.stderr
    assert {t["state"] for t in results(stack, "stopped").values()} == {"queued"}
    assert set(checkpoints("stopped")) != before
    assert "stopped-resumed" not in states(jobs)
    assert not list((stack.home / "spool" / "stopped").glob("driver*"))


@pytest.mark.nightly
def test_a_rank_is_killed(stack: Any) -> None:
    """Another pack goes on, and no process of the lost one is left."""
    long = ["--budget-images", str(2 * BUDGET)]  # ranks save later, and it must not end before
    process = start(stack, *OPTIONS, *long, "--ranks", "2", "--name", "killed-rank")
    wait_for_checkpoint(process, "killed-rank")
    before = processes(stack, "RayTrainWorker")
    assert len(before) == 2
    before[0].kill()
    output = process.communicate(timeout=600)[0]
    assert process.returncode == 0, output[-3000:]
    found = results(stack, "killed-rank").values()
    assert {t["state"] for t in found} <= {"completed", "collapsed"}
    assert [t["attempts"] for t in found] == [2, 2, 2]
    psutil.wait_procs(before, timeout=20)
    assert not any(p.is_running() for p in before)


@pytest.fixture
def nodes(stack: Any) -> Iterator[RayNodes]:
    """A head and two workers, with the stack's store and tracker."""
    with stack_nodes(stack, "i-a", "i-b") as started:
        yield started


def saved(name: str) -> dict[str, dict[str, int]]:
    """Owner to the batches that each lane of its last checkpoint has seen."""
    prefix = f"sweeps/{name}/checkpoints/"
    found = {}
    for owner in {key.removeprefix(prefix).split("/")[0] for key in checkpoints(name)}:
        kept = Checkpoints(open_store(os.environ["GENSWEEP_STORE"]), f"{prefix}{owner}")
        if (last := kept.latest()) is not None:
            found[owner] = {
                n: LaneState.from_bytes(kept.read_lane(n)[0]).meta["ticks"] for n in last.lanes
            }
    return found


def test_a_pack_leaves_a_draining_node(
    stack: Any, nodes: RayNodes, undisturbed: dict[int, Any]
) -> None:
    """Spot takes a node: its pack saves every lane and leaves, and another goes on elsewhere."""
    assert set(nodes.alive()) == set(nodes.nodes)  # who drains is ready before the sweep begins
    process = start(nodes, *OPTIONS, "--name", "drained")
    wait_for_checkpoint(process, "drained")
    first = nodes.instance_of(nodes.actor("ImplicitFunc"))
    ((owner, before),) = until(lambda: saved("drained"), 60).items()
    notice = time.time()
    nodes.drain(first, DEADLINE_S)
    until(lambda: first not in nodes.alive(), DEADLINE_S + 10)
    assert time.time() < notice + DEADLINE_S
    after = saved("drained")[owner]
    assert all(after[lane] > before[lane] for lane in before)
    output = process.communicate(timeout=600)[0]
    assert process.returncode == 0, output[-3000:]
    assert "died" not in output
    found = results(stack, "drained")
    agree(found, undisturbed)
    assert [trial["attempts"] for trial in found.values()] == [2, 2, 2]


IN_A_PACK = "import ray; assert ray.get_runtime_context().get_actor_id() is None, 'my bug'"
"""A bug that shows only where a pack trains, as one of a GPU or of another version would."""


def run_broken(stack: Any, folder: Path, bug: str) -> "subprocess.CompletedProcess[str]":
    """The README's own model, with a bug in its loss, is swept."""
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[-1]
    begin = "        fake = nets["
    (folder / "broken.py").write_text(code.replace(begin, f"        {bug}\n{begin}"))
    return subprocess.run(
        [sys.executable, "broken.py", "--name", "broken", "--trials", "4"], env=stack.env,
        cwd=folder, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


def test_a_broken_model_is_refused_before_anything_starts(stack: Any, tmp_path: Path) -> None:
    done = run_broken(stack, tmp_path, "raise KeyError('my bug')")
    assert done.returncode == 2
    line = 1 + (tmp_path / "broken.py").read_text().split("raise KeyError")[0].count("\n")
    assert done.stderr.splitlines()[-1] == (
        "error: my_lsgan: LeastSquaresGan.loss of player 'critic' raises KeyError ('my bug') at "
        f"broken.py, line {line}: it is called as loss(player, nets, batch, noise, hyper) for one "
        "trial."
    )
    assert "Traceback" not in done.stdout + done.stderr


def test_a_broken_model_is_told_and_leaves_its_traceback(stack: Any, tmp_path: Path) -> None:
    done = run_broken(stack, tmp_path, IN_A_PACK)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].startswith("error: packs keep dying")
    assert "AssertionError: my bug" in done.stderr.splitlines()[-1]
    assert "report " in done.stdout
    assert "Traceback" not in done.stdout
    found = results(stack, "broken")
    assert {t["state"] for t in found.values()} <= {"failed", "queued"}
    text = open_store(os.environ["GENSWEEP_STORE"]).get("sweeps/broken/trials/0000/traceback.txt")
    assert "in loss" in text.decode()
