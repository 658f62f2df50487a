"""Runs a sweep to its end through a schedule of faults, and types --resume when its driver ends."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from faults.injections import INJECTIONS
from faults.schedule import Fault, target_of
from faults.stand import Stand
from gensweep.errors import UserError
from gensweep.study import read_sweep

SCRIPT = Path(__file__).resolve().parents[2] / "sweeps" / "vae_tradeoff.py"
PLACED = ("--packs", "2", "--width", "4")
OPTIONS = ("--budget-images", "40000", "--samples", "100", "--sampler", "random")
BUDGET_IMAGES, BATCH_IMAGES = 40_000, 64
LONGEST_S = 1800.0
"""Beyond the faults, within which the sweep must have ended."""
RETYPE_S = 2.0
"""Between the end of a driver and the next one."""


@dataclass
class Course:
    """What became of a sweep: the faults as they came, and the drivers that ended."""

    begun: float = field(default_factory=time.monotonic)
    faults: list[tuple[Fault, str, float]] = field(default_factory=list)
    """Each with what it hit, and its delay in seconds; none that never found anything to hit."""

    zero: float = 0.0
    """When the first pack asked for trials, from which faults count; seconds since 1970."""

    typed: list[str] = field(default_factory=list)
    """For each time that the sweep was gone on with by hand, why its driver had ended."""

    ended: bool = False
    """Whether a driver said at last that the sweep is done."""

    seconds: float = 0.0


class Agenda:
    """Begins faults and ends them, in the order of their times, once there is what they hit.

    An end may take as long as a server takes to start; other faults go on meanwhile, but for those
    of the same target.
    """

    def __init__(self, faults: Sequence[Fault], tell: Callable[[str], None]):
        self._coming, self._tell = list(faults), tell
        self._zero: float | None = None
        self._open: dict[Fault, float] = {}
        """When each that has begun is over."""
        self._ends = ThreadPoolExecutor(4, "ends of faults")
        self._ending: dict[str, Future[None]] = {}
        """By target, the end of its last fault."""

    def advance(self, stand: Stand, course: Course) -> None:
        """Do what is due; the clock begins when the first pack has asked for trials."""
        if self._zero is None:
            if not any(stand.history.glob("pack-*")):
                return
            self._zero, course.zero = time.monotonic(), time.time()
        now = time.monotonic() - self._zero
        for fault, end_s in list(self._open.items()):
            if end_s <= now:
                self._end(stand, fault)
        for fault in [f for f in self._coming if f.at_s <= now]:
            # It comes late while another one of its target ends, or while nothing is there to hit.
            if not self._is_free(fault) or not (hit := INJECTIONS[fault.kind].begin(stand, fault)):
                continue
            self._coming.remove(fault)
            course.faults.append((fault, hit, now - fault.at_s))
            self._open[fault] = now + fault.for_s
            self._tell(f"{now:5.1f} s {fault.kind}, {fault.for_s:g} s: {hit}")

    def close(self, stand: Stand) -> None:
        """Let every fault that has begun be over, and raise what kept a server from starting."""
        for fault in list(self._open):
            self._end(stand, fault)
        self._ends.shutdown()
        for ending in self._ending.values():
            ending.result()

    def _is_free(self, fault: Fault) -> bool:
        target = target_of(fault.kind)
        ending = self._ending.get(target)
        is_open = target in map(target_of, (one.kind for one in self._open))
        return not is_open and (ending is None or ending.done())

    def _end(self, stand: Stand, fault: Fault) -> None:
        del self._open[fault]
        target = target_of(fault.kind)
        self._ending[target] = self._ends.submit(INJECTIONS[fault.kind].end, stand, fault)


def drive(
    stand: Stand, name: str, trials: int, faults: Sequence[Fault], tell: Callable[[str], None]
) -> Course:
    """Run the sweep `name` until a driver ends it well, whatever happens meanwhile."""
    course, agenda = Course(), Agenda(faults, tell)
    end = time.monotonic() + LONGEST_S + (faults[-1].end_s if faults else 0.0)
    try:
        while not course.ended and time.monotonic() < end:
            log = stand.home.path / f"{name}-{len(course.typed)}.log"
            with log.open("w") as out:
                stand.driver = subprocess.Popen(_command(stand, name, trials), env=stand.env,
                                                stdout=out, stderr=out, text=True)  # fmt: skip
            while stand.driver.poll() is None and time.monotonic() < end:
                agenda.advance(stand, course)
                time.sleep(0.05)
            course.ended = stand.driver.poll() == 0
            if not course.ended and stand.driver.poll() is not None:
                course.typed.append(f"exit {stand.driver.returncode}: {_last_line(log)}")
                tell(f"        the driver ends, {course.typed[-1]}; going on")
                _wait(RETYPE_S, lambda: agenda.advance(stand, course))
    finally:
        agenda.close(stand)
        if stand.driver is not None and stand.driver.poll() is None:
            stand.driver.kill()
    course.seconds = time.monotonic() - course.begun
    return course


def _command(stand: Stand, name: str, trials: int) -> list[str]:
    """What a person types: --resume once the ledger knows the sweep."""
    known = _is_known(stand, name)
    asked = ["--resume", name] if known else ["--name", name, "--trials", str(trials), *OPTIONS]
    return [sys.executable, str(SCRIPT), *asked, *PLACED]


def _is_known(stand: Stand, name: str) -> bool:
    try:
        read_sweep(name, stand.ledger)
    except UserError:
        return False
    return True


def _wait(seconds: float, meanwhile: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        meanwhile()
        time.sleep(0.05)


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else ""
