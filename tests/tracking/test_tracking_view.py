"""The view of a sweep: its state as MLflow's UI reads it, and a search in the UI's words."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from gensweep.tracking import Spool, SweepView, Tracker
from gensweep.tracking._shared_view import LONGEST_VIEW, view_link, view_tag, view_value
from tracking.mlflow_server import Server

VIEW = SweepView(params=["learning_rate", "objective", "clip"], axes=["learning_rate", "objective"],
                 metric="frechet")  # fmt: skip


def state_of(value: str) -> dict[str, Any]:
    """Read the state as the UI does."""
    header, _, packed = json.loads(value)["state"].partition(";")
    assert header == "deflate"
    found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(packed)))
    return found


def test_a_view_has_the_searched_hyperparameters_and_the_ranked_metric() -> None:
    state = state_of(view_value("s", VIEW, 7))
    (chart,) = state["compareRunCharts"]
    assert (chart["type"], chart["selectedParams"]) == ("PARALLEL", ["learning_rate", "objective"])
    assert chart["selectedMetrics"] == ["frechet"]
    assert chart["metricSectionId"] == state["compareRunSections"][0]["uuid"]
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`frechet`", True)
    assert {"tags.`status`", "params.`clip`", "attributes.`Source`"} < set(state["selectedColumns"])
    more = SweepView(params=["x"], axes=["x"], metric="coverage", minimize=False)
    assert state_of(view_value("s", more, 7))["orderByAsc"] is False


def test_a_view_written_twice_is_the_same_and_fits_a_tag() -> None:
    names = [f"hyperparameter_{n}" for n in range(60)]
    many = SweepView(params=names, axes=names, metric="frechet")
    assert view_value("s", many, 7) == view_value("s", many, 7)
    assert len(view_value("s" * 200, many, 7)) < LONGEST_VIEW


def test_a_link_holds_no_password_and_leads_to_the_sweeps_own_tag() -> None:
    link = view_link("http://ann:hunter2@host:5000", "3", "it's")
    assert "hunter2" not in link
    key = link.partition("viewStateShareKey=")[2].partition("&")[0]
    assert view_tag("it's") == f"mlflow.sharedViewState.{key}"
    assert view_tag("another") != view_tag("it's")


@pytest.mark.stack
@pytest.mark.slow("an MLflow server starts", minutes=0.2)
def test_the_server_has_the_view_and_finds_its_trials(
    server: Server, client: Any, tmp_path: Path
) -> None:
    name = "it's a sweep"
    with Tracker(Spool(tmp_path), server.uri, "view", name, script="sweeps/a.py") as tracker:
        assert tracker.view_link() is None
        tracker.start_sweep(config={}, seed=1, view=VIEW)
        for number, (state, objective) in enumerate(
            [("collapsed", "wasserstein"), ("completed", "wasserstein"), ("collapsed", "hinge")]
        ):
            tracker.start_trial(number, {"objective": objective})
            tracker.finish_trial(number, state)
        tracker.finish_sweep()
        assert tracker.flush(60), tracker.last_error
        link = tracker.view_link()
    experiment = client.get_experiment_by_name("view")
    assert link is not None
    assert f"/#/experiments/{experiment.experiment_id}/runs?" in link
    assert experiment.tags["mlflow.experimentKind"] == "custom_model_development"
    state = state_of(experiment.tags[view_tag(name)])

    def names(search: str) -> set[str]:
        runs = client.search_runs([experiment.experiment_id], search)
        assert {run.data.tags["mlflow.source.name"] for run in runs} == {"sweeps/a.py"}
        return {run.info.run_name for run in runs}

    assert names(state["searchFilter"]) == {f"trial-{n:04d}" for n in range(3)}
    typed = "tags.status = 'collapsed' and params.objective = 'wasserstein'"
    assert names(typed) == {"trial-0000"}
