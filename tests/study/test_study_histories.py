"""The study's promises along random histories, and what its journal keeps of them."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gensweep.study import read_sweep
from gensweep.trial import Lease, StaleLease, TrialState
from study.small_study import QUESTION, Clock, Open, begin, finish

MORE = pytest.mark.slow("a history like that of seed 0", minutes=0.1)


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=MORE) for seed in (1, 2, 3))])
def test_random_histories_keep_the_invariants(opened: Open, clock: Clock, seed: int) -> None:
    History(opened, clock, random.Random(seed)).play()


class History:
    """Packs that train, die, hang and come back, and a driver that is restarted."""

    TRIALS, LIMIT = 15, 14_000

    def __init__(self, opened: Open, clock: Clock, rng: random.Random) -> None:
        self.opened, self.clock, self.rng = opened, clock, rng
        self.options = {"trials": self.TRIALS, "repeats": rng.choice([1, 2]), "max_attempts": 4,
                        "max_images": self.LIMIT}  # fmt: skip
        self.study = opened(**self.options)
        self.leases: list[Lease] = []
        self.ended: dict[int, str] = {}

    def play(self) -> None:
        moves = [self.take, self.take, self.finish, self.finish, self.report, self.hang,
                 self.restart, self.give_back]  # fmt: skip
        for _ in range(2000):
            if self.study.stop_reason():
                break
            self.rng.choice(moves)()
            self.check()
        else:
            pytest.fail(f"the sweep did not end: {self.study.summary()}")
        self.study.close()

    def take(self) -> None:
        owner = self.rng.choice("abc")
        self.leases += self.study.lease(owner, self.rng.randint(1, 4))

    def report(self) -> None:
        self.with_lease(lambda x: self.study.report(x, self.rng.randint(1, 900), {"fid": 2.0}))

    def finish(self) -> None:
        state = self.rng.choice(
            sorted(s for s in TrialState if s.ended and s is not TrialState.CANCELLED)
        )

        def act(lease: Lease) -> None:
            if finish(self.study, lease, state, metrics={"fid": 3.0}, images=1000):  # type: ignore[arg-type]
                assert lease.number not in self.ended
                self.ended[lease.number] = state

        self.with_lease(act)

    def with_lease(self, act: Callable[[Lease], object]) -> None:
        if self.leases:
            lease = self.rng.choice(self.leases)
            try:
                act(lease)
            except StaleLease:
                self.leases.remove(lease)

    def hang(self) -> None:
        for owner in "ab":
            self.study.heartbeat(owner)
        self.clock.now += self.rng.choice([10.0, 70.0])
        self.study.expire()

    def give_back(self) -> None:
        self.study.release(self.rng.choice("abc"))

    def restart(self) -> None:
        self.study.close()
        self.study = self.opened(resume=True, **self.options)

    def check(self) -> None:
        records = self.study.records()
        assert len(records) <= self.TRIALS
        assert [r.number for r in records] == list(range(len(records)))
        assert sum(r.images for r in records) <= self.LIMIT
        for record in records:
            if record.number in self.ended:
                assert record.state == self.ended[record.number]
            elif record.state.ended:
                assert record.cause.startswith("lost")
        assert self.study.summary().total == len(records)


def test_a_journal_holds_no_nan(tmp_path: Path) -> None:
    """What is kept must be strict JSON, for readers other than Python."""
    path = tmp_path / "s.log"
    with begin(str(path), **QUESTION) as study:
        lease = study.lease("a", 1)[0]
        study.report(lease, 5, {"fid": float("nan"), "loss": float("-inf")})
        finish(study, lease, "diverged", "loss is -inf", metrics={"fid": float("nan")})
    for line in path.read_text().splitlines():
        json.loads(line, parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))


def test_a_sweep_knows_each_change_of_libraries(
    clock: Clock, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def session(installed: str | None) -> None:
        """Open and close it where this Optuna, None: the real one, is said to be installed."""
        clock.now += 1
        with monkeypatch.context() as patch:
            if installed is not None:
                metadata = tmp_path / installed / f"optuna-{installed}.dist-info" / "METADATA"
                metadata.parent.mkdir(parents=True, exist_ok=True)
                metadata.write_text(f"Metadata-Version: 2.1\nName: optuna\nVersion: {installed}\n")
                patch.syspath_prepend(metadata.parents[1])
            begin(storage, **QUESTION, clock=clock, resume=clock.now > 1001).close()

    for installed in (None, None, "98.0", "98.0", "99.0", None, None):
        session(installed)
    view = read_sweep("s", storage)
    real = view.versions["optuna"]
    assert real not in ("98.0", "99.0")
    later = [(each["at"], each["versions"]["optuna"]) for each in view.resumed_with]
    assert later == [(1003, "98.0"), (1005, "99.0"), (1006, real)]
    assert view.resumed_with[-1]["versions"] == view.versions
