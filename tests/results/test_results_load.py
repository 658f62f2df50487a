"""A sweep as tables for a notebook: pandas and pyarrow tell the same as the ledger."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas
import pyarrow
import pytest

from ended_sweep import CUT_GAN, ended, point_here
from gensweep.errors import UserError
from gensweep.results import LoadedSweep, load, read_here, trial_views
from gensweep.storage import Checkpoints, open_store
from gensweep_models.space import Categorical

WITHOUT_PANDAS = """
import sys
sys.path[:0] = {paths}
class NoPandas:
    def find_spec(self, name, *rest):
        if name.partition(".")[0] == "pandas":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, NoPandas())
from gensweep.results import load
sweep = load("s")
print(sweep.table("trials").num_rows)
sweep.trials
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    ended(tmp_path)
    return tmp_path


def test_trials_are_rows_with_params_and_metrics() -> None:
    frame = load("s").trials
    assert list(frame.index) == [0, 1, 2, 3]
    assert list(frame["state"]) == ["completed", "completed", "diverged", "pruned"]
    assert list(frame["metrics/frechet"].dropna()) == [3.0, 1.0]
    rates = [trial["params"]["learning_rate"] for trial in trial_views(read_here("s").records)]
    assert list(frame["params/learning_rate"]) == rates
    assert frame["metrics/frechet"].idxmin() == 1


def test_curves_are_points_of_training() -> None:
    curves = load("s").curves
    assert list(curves.columns) == ["trial", "images", "name", "value"]
    of_one = curves[curves.trial == 1]
    assert list(zip(of_one["images"], of_one["value"], strict=True)) == [(250, 1.0), (500, 0.5)]


def test_artifacts_tell_where_the_store_has_the_weights(home: Path) -> None:
    artifacts = load("s").artifacts
    assert list(artifacts["trial"]) == [0, 1]
    row = artifacts.iloc[1]
    store = open_store(f"file://{home}/store")
    weights, _ = Checkpoints(store, row["place"]).read_lane("0001.safetensors", row["step"] + 1)
    assert len(weights) > 1000


@pytest.mark.parametrize("name", ["trials", "curves", "artifacts"])
def test_pyarrow_tables_are_the_same(name: str) -> None:
    sweep = load("s")
    table = sweep.table(name)
    assert isinstance(table, pyarrow.Table)
    frame = getattr(sweep, name)
    again = table.to_pandas()
    again = again.set_index("trial") if name == "trials" else again
    pandas.testing.assert_frame_equal(again, frame, check_dtype=False)


def test_a_notebook_shows_the_answer_and_the_best_escaped(home: Path) -> None:
    sweep = load("s")
    shown = sweep._repr_html_()
    assert shown.count("<table>") == 2
    assert "2 of 4 trials converged" in shown
    assert "<td>1</td>" in shown
    assert repr(sweep).startswith("<sweep s: 2 of 4 trials converged")


def test_an_unknown_table_or_sweep_is_told() -> None:
    with pytest.raises(UserError, match="there is no table 'trails': choose from trials, curves"):
        load("s").table("trails")
    with pytest.raises(UserError, match="unknown sweep 't': the known ones are s"):
        load("t")


def test_without_pandas_the_pyarrow_tables_are_named() -> None:
    """As in an environment that lacks it."""
    paths = [str(Path(__file__).parents[2] / name) for name in ("platform", "models")]
    code = WITHOUT_PANDAS.format(paths=paths)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "4\n"
    assert "pip install pandas, or take the pyarrow table by .table('trials')" in done.stderr


def test_choices_of_several_types_are_texts_of_arrow(home: Path) -> None:
    cuts = Categorical((8, "none", None, 0.5))
    ended(home, "mixed", [("diverged", None)] * 8, model=CUT_GAN, space={"cut": cuts},
          group_by=None)  # fmt: skip
    sweep = load("mixed")
    column = sweep.table("trials")["params/cut"].to_pylist()
    assert "none" in column
    assert {*column} <= {"8", "none", None, "0.5"}
    assert column == [one if one is None else str(one) for one in sweep.trials["params/cut"]]


def test_a_damaged_ledger_is_told_in_one_line() -> None:
    """Of odd values, in whatever part, not by an error of a library."""
    whole = read_here("s")
    bad = replace(whole.records[1], metrics=[0.5], params={"learning_rate": object()})
    broken = LoadedSweep(replace(whole, records=(whole.records[0], bad), spec={"objective": 3}))
    for look in (lambda: broken.trials, lambda: broken.table("trials"), lambda: broken.objective,
                 broken.__repr__, broken._repr_html_):  # fmt: skip
        with pytest.raises(UserError, match=r"^what the ledger tells of 's' cannot be read \(.*\)"):
            look()
