"""TPE draws several trials of one estimate: each as Optuna's own does of the history it names."""

import hashlib
import random
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from gensweep import fitted_tpe
from gensweep.space import is_active, order_dimensions
from gensweep.study import read_sweep
from gensweep.study._suggest import suggest
from gensweep.trial import TrialRecord
from study.small_study import SPACE, begin, finish

TRIALS, SEED = 60, 5


def test_a_trial_follows_from_the_history_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the sweep was killed, and though others were drawn and ended meanwhile."""
    monkeypatch.setattr(fitted_tpe, "GROWTH", 0.1)
    run(f"{tmp_path}/j", random.Random(3))
    records = read_sweep("s", f"{tmp_path}/j").records
    kept = optuna.load_study(
        study_name="s", storage=JournalStorage(JournalFileBackend(f"{tmp_path}/j"))
    ).get_trials()
    shared = [record for record in records if record.fitted_at]
    assert 20 < len(shared) < TRIALS
    assert len({tuple(record.fitted_at or ()) for record in shared}) > 5
    for record in records:
        assert suggested_by_optuna(record, records, kept) == record.params


def run(storage: str, draw: random.Random) -> None:
    """Train a sweep, of which some trials are pruned and some diverge, killed in its middle."""
    for resume in (False, True):
        study = begin(storage, resume=resume, space=SPACE, trials=TRIALS, seed=SEED)
        held: list[Any] = []
        for _ in range(TRIALS - 20 * resume):
            held += study.lease("a", draw.randrange(4))
            draw.shuffle(held)
            for lease in held[5:]:
                state = draw.choice(["completed", "completed", "pruned", "diverged"])
                study.report(lease, 50, {"fid": draw.random()})
                finish(study, lease, state, metrics={"fid": draw.random()})
            held = held[:5]
            if not resume and len(study.records()) > TRIALS // 2:
                break
        study._exit.close()


def suggested_by_optuna(
    record: TrialRecord, records: tuple[TrialRecord, ...], kept: list[FrozenTrial]
) -> dict[str, Any]:
    """Draw the trial anew, of the history that its record names."""
    told, drawn = record.fitted_at or (record.drawn_at, record.number)
    digest = hashlib.sha256(f"sampler/{SEED}/{record.number}".encode()).digest()
    study = optuna.create_study(sampler=TPESampler(seed=int.from_bytes(digest[:4], "big")))
    for trial, one in zip(kept[:drawn], records, strict=False):
        ended = one.ended_at is not None and one.ended_at < told
        study.add_trial(trial if ended else unfinished(trial))
    trial = study.ask()
    values: dict[str, Any] = {}
    for name in order_dimensions(SPACE, ()):
        if is_active(SPACE[name], values):
            values[name] = suggest(trial, name, SPACE[name])
    return values


def unfinished(trial: FrozenTrial) -> FrozenTrial:
    return create_trial(
        state=TrialState.RUNNING, params=trial.params, distributions=trial.distributions
    )
