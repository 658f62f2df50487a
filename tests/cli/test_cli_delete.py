"""`gensweep delete` takes a sweep out of everything, and nothing else with it."""

import json
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ended_sweep import ended, plan_of, point_here, spec_of
from gensweep.cli import main
from gensweep.results import read_here
from gensweep.storage import open_store
from gensweep.study import Study, list_sweeps
from gensweep.tracking import _sweep_traces

pytestmark = pytest.mark.slow("sweeps are deleted from an MLflow", minutes=0.3)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    for name in ("s", "s2"):
        ended(tmp_path, name)
        (tmp_path / "reports").mkdir(exist_ok=True)
        (tmp_path / "reports" / f"{name}.html").write_text("a page")
        (tmp_path / "spool" / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def client(home: Path) -> MlflowClient:
    """MLflow with three runs and a model of each sweep."""
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    experiment = client.create_experiment("e", artifact_location=f"file://{home}/artifacts")
    client.create_registered_model("gan-ring8")
    for name in ("s", "s2"):
        runs = [client.create_run(experiment, tags={"gensweep.sweep": name}) for _ in range(3)]
        run = runs[-1].info.run_id
        version = client.create_model_version("gan-ring8", f"file://{home}/artifacts", run_id=run)
        client.set_registered_model_alias("gan-ring8", name, version.version)
    return client


def left(client: MlflowClient) -> list[str]:
    experiments = [one.experiment_id for one in client.search_experiments()]
    return sorted(run.data.tags["gensweep.sweep"] for run in client.search_runs(experiments))


def test_everything_of_one_sweep_goes_and_the_other_stays(
    home: Path, client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_store(f"file://{home}/store")
    before = store.list()
    own = store.list("sweeps/s/")
    assert main(["delete", "s", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "sweep s: 4 trials in the ledger\n" in said
    assert f"{len(own)} objects in file://{home}/store/sweeps/s/\n" in said
    assert f"3 runs in sqlite:///{home}/mlflow.db, model gan-ring8 version 1\n" in said
    assert said.endswith("deleted s\n")
    assert [sweep.name for sweep in list_sweeps(str(home / "studies"))] == ["s2"]
    assert store.list() == [key for key in before if key not in own]
    assert left(client) == ["s2"] * 3
    assert [v.version for v in client.search_model_versions("name = 'gan-ring8'")] == [2]
    assert sorted(path.name for path in (home / "reports").iterdir()) == ["s2.html"]
    assert sorted(path.name for path in (home / "spool").iterdir()) == ["s2"]
    assert main(["delete", "s2", "--yes", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "sweep": "s2", "trials": 4, "store": f"file://{home}/store/sweeps/s2/",
        "objects": len(own), "tracker": f"sqlite:///{home}/mlflow.db", "runs": 3,
        "models": [{"name": "gan-ring8", "version": "2"}],
        "files": [f"{home}/reports/s2.html", f"{home}/spool/s2"],
    }  # fmt: skip
    assert "sweep s2: 4 trials in the ledger\n" in shown.err
    assert client.search_registered_models() == []
    ended(home, "s", [("completed", 7.0), ("completed", 8.0)])
    assert read_here("s").records[0].metrics["frechet"] == 7.0


def test_a_running_sweep_is_refused_and_keeps_all(
    home: Path, client: MlflowClient, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(home, "runs", 4)
    with Study.create(spec_of(plan), plan.ledger):
        assert main(["delete", "runs", "--yes"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "sweep 'runs' is" in shown.err
    assert shown.err.count("\n") == 1
    assert left(client) == ["s"] * 3 + ["s2"] * 3


def test_it_asks_first(
    home: Path, client: MlflowClient, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert main(["delete", "s"]) == 2
    shown = capsys.readouterr()
    assert "4 trials in the ledger" in shown.out
    assert shown.err == "error: nothing was deleted: --yes does it without a question.\n"
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda prompt: "no")
    assert main(["delete", "s", "--json"]) == 2
    assert capsys.readouterr().out == ""
    assert left(client) == ["s"] * 3 + ["s2"] * 3
    monkeypatch.setattr("builtins.input", lambda prompt: "s")
    assert main(["delete", "s"]) == 0
    assert left(client) == ["s2"] * 3


def test_a_tracker_that_does_not_answer_costs_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert main(["delete", "s", "--yes"]) == 2
    assert "MLflow at http://127.0.0.1:9 refuses" in capsys.readouterr().err
    assert len(read_here("s").records) == 4


def test_more_than_a_page_of_experiments_models_and_runs_is_found(
    home: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sweep_traces, "PAGE", 1)
    last = client.create_experiment("last", artifact_location=f"file://{home}/artifacts")
    run = client.create_run(last, tags={"gensweep.sweep": "s"}).info.run_id
    client.create_registered_model("other")
    client.create_model_version("other", f"file://{home}/artifacts", run_id=run)
    traces = _sweep_traces.find_traces(f"sqlite:///{home}/mlflow.db", "s")
    assert run in traces.runs
    assert len(set(traces.runs)) == 4
    assert sorted(traces.versions) == [("gan-ring8", "1"), ("other", "1")]
