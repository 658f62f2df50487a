"""Samplers and pruners see a bounded history, and it is the one that counts."""

import os
import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial

from gensweep.study import _bounded_history
from gensweep.study._bounded_history import BEST, LATEST, BoundedHistoryStorage
from study.small_study import begin, finish

DISTRIBUTION = FloatDistribution(0.0, 1.0)


@pytest.fixture(params=["minimize", "maximize"])
def study(request: Any) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(storage=InMemoryStorage(), direction=request.param)


def finished(value: float) -> optuna.trial.FrozenTrial:
    return create_trial(params={"x": value}, distributions={"x": DISTRIBUTION}, value=value)


def bounded(study: optuna.Study) -> optuna.Study:
    recent = BoundedHistoryStorage(study._storage, study._study_id)
    return optuna.load_study(study_name=study.study_name, storage=recent)


def test_a_short_history_is_shown_whole_and_as_it_is(study: optuna.Study) -> None:
    for k in range(20):
        study.add_trial(finished(k / 20))
    shown = bounded(study)
    trial = shown.ask()
    trial.suggest_float("x", 0, 1)
    trial.report(0.5, step=3)
    shown.tell(shown.ask(), 0.25)
    trial.set_user_attr("a", 1)
    assert shown.get_trials() == study.get_trials()
    assert shown.get_trials()[20].intermediate_values == {3: 0.5}
    shown.tell(trial, state=TrialState.PRUNED)
    assert shown.get_trials(states=[TrialState.PRUNED]) == study.get_trials()[20:21]


@pytest.mark.parametrize("loaded", [False, True])
def test_a_long_history_is_its_end_its_best_and_what_runs(study: optuna.Study,
                                                          loaded: bool) -> None:  # fmt: skip
    shown = None if loaded else bounded(study)
    kept = study if shown is None else shown
    running = kept.ask()
    best = 0.0 if kept.direction == optuna.study.StudyDirection.MINIMIZE else 1.0
    values = [best] * BEST + [0.5] * (LATEST + 500)
    for value in values:
        kept.add_trial(finished(value))
    seen = (shown or bounded(study)).get_trials(deepcopy=False)
    assert [t.number for t in seen[: BEST + 1]] == [running.number, *range(1, BEST + 1)]
    assert [t.number for t in seen[BEST + 1:]] == list(range(len(values) - LATEST + 1,
                                                             len(values) + 1))  # fmt: skip


def test_what_is_shown_does_not_depend_on_calls_before(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor on a restart: a history can be replayed."""
    monkeypatch.setattr(_bounded_history, "LATEST", 6)
    monkeypatch.setattr(_bounded_history, "BEST", 3)
    draw, shown, running = random.Random(0), bounded(study), []
    for _ in range(200):
        if len(running) < 5 or draw.random() < 0.5:
            running.append(shown.ask())
        else:
            ended = running.pop(draw.randrange(len(running)))
            failed = draw.random() < 0.2
            shown.tell(ended, None if failed else draw.random(),
                       state=TrialState.FAIL if failed else TrialState.COMPLETE)  # fmt: skip
        if draw.random() < 0.3:
            assert shown.get_trials() == bounded(study).get_trials()
    assert len(study.get_trials()) > 80 > 6 + 3 + len(running) >= len(shown.get_trials()) > 9


def test_a_call_is_on_disk_when_it_returns_by_one_fsync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = begin(str(tmp_path / "j"), trials=40, sampler="random", budget_images=10)
    synced: list[int] = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (synced.append(os.fstat(file).st_size),
                                                   real(file)))  # fmt: skip
    leases = study.lease("pack", 32)
    assert len(leases) == 32
    assert synced == [(tmp_path / "j").stat().st_size]
    study.report(leases[0], 5, {"fid": 1.0})
    finish(study, leases[0], "completed", metrics={"fid": 1.0})
    study.records()
    assert len(synced) == 3
    assert synced[-1] == (tmp_path / "j").stat().st_size
    study.close()
