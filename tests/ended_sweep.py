"""Small sweeps whose trials have ended as a test says, in a real ledger and a real store."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gensweep.budget import Budget
from gensweep.data import load_dataset
from gensweep.evaluation import grid_png
from gensweep.lanes import Pack
from gensweep.objective import Objective
from gensweep.planning import Plan
from gensweep.spec import RunRequest
from gensweep.storage import FileStore, TrialArtifacts, TrialArtifactWriter
from gensweep.study import Study, StudySpec
from gensweep.sweep import Sweep
from gensweep.trial import ArtifactPointer, TrialState
from gensweep_models.adversarial.gan_config import GanConfig
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Categorical, Real

OBJECTIVE = Objective(metric="frechet")
PROTOCOL = {"kind": "points", "modes": 8, "samples": 1000, "curve": ["frechet", "coverage"]}
MIXED = (("completed", 3.0), ("completed", 1.0), ("diverged", None), ("pruned", None))
"""State and metric of a trial each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CutConfig(GanConfig):
    """Those of a GAN, and one that may be of any type, or without bound."""

    cut: float | str | None = None


CUT_GAN = dataclasses.replace(CATALOG["gan"], config=CutConfig)
DESCRIPTION = "Which is\nbest?\n\nAnd more."


def plan_of(home: Path, name: str, trials: int, **changes: Any) -> Plan:
    """A sweep of a small GAN on a ring, its ledger and its store in `home`."""
    given: dict[str, Any] = {
        "model": CATALOG["gan"],
        "space": {
            "learning_rate": Real(1e-4, 1e-2, log=True),
            "objective": Categorical(("hinge", "wasserstein")),
        },
        "fixed": {"hidden": 8},
        "group_by": "objective",
        **changes,
    }
    sweep = Sweep(name=name, data="ring8", trials=max(1, trials), **given)
    store = FileStore(home / "store")
    request = RunRequest(sweep=sweep, script="x.py", description=DESCRIPTION)
    return Plan(request=request, store=f"file://{home}/store",
                tracking_uri=f"sqlite:///{home}/mlflow.db", ledger=str(home / "studies"),
                home=str(home), dataset=load_dataset("ring8", store, split="train"),
                test=None)  # fmt: skip


def spec_of(plan: Plan, **protocol: Any) -> StudySpec:
    """The study of the sweep, as the coordinator makes it."""
    sweep = plan.request.sweep
    settings = sweep.identity() | {
        "data_hash": plan.dataset.hash,
        "protocol": {**PROTOCOL, **protocol},
    }
    return StudySpec(
        name=sweep.name, space=sweep.space, objective=OBJECTIVE, budget=Budget(trials=sweep.trials),
        budget_images=sweep.budget_images, sampler="random", repeats=sweep.repeats,
        settings=settings,
    )  # fmt: skip


def ended(
    home: Path,
    name: str = "s",
    ends: Sequence[tuple[str, float | None]] = MIXED,
    *,
    protocol: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Plan:
    """A sweep whose trials ended as `ends` says; completed ones left weights and a picture."""
    plan = plan_of(home, name, len(ends), **changes)
    with Study.create(spec_of(plan, **(protocol or {})), plan.ledger) as study:
        for lease, (state, value) in zip(study.lease("me", len(ends)), ends, strict=True):
            metrics = {} if value is None else {"frechet": value, "modes": 8.0}
            resolved = study.resolve_end(lease, TrialState(state), "", metrics)
            assert resolved is not None
            kept = left(plan, lease.number, lease.params) if state == "completed" else None
            result: Any = {"outcome": "converged" if state == "completed" else state}
            result["history"] = {"loss_generator": [[250, 1.0], [500, 0.5]]}
            assert study.finish(lease, resolved, 500, result | ({"kept": kept} if kept else {}))
    return plan


def left(plan: Plan, number: int, params: Mapping[str, Any]) -> ArtifactPointer:
    """The weights of an untrained lane, and a picture of one colour."""
    sweep, train = plan.request.sweep, plan.dataset
    config = sweep.config(params)
    pack = Pack(sweep.model, config, train, train.source("cpu"), width=1, trace=False)
    pack.load(0, config, seed=number, budget_images=1000)
    png = grid_png(torch.full((4, 1, 8, 8), number / 10))
    lane = TrialArtifacts(number=number, weights=pack.take(0).to_bytes(), png=png)
    store = FileStore(Path(plan.store.removeprefix("file://")))
    pointer = TrialArtifactWriter(store, sweep.name, f"pack-{number}").write([lane])
    assert pointer is not None
    return pointer


def point_here(home: Path, monkeypatch: Any, plan: Plan | None = None) -> None:
    """Let commands find the ledger, the store and the tracker in `home`."""
    monkeypatch.setenv("GENSWEEP_HOME", str(home))
    monkeypatch.setenv("GENSWEEP_STORE", f"file://{home}/store")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home}/mlflow.db")
    monkeypatch.delenv("GENSWEEP_LEDGER", raising=False)
    monkeypatch.chdir(home)
