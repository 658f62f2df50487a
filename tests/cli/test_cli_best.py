"""`gensweep best` tells a configuration whole, and `export` writes it so that a script takes it."""

import json
import math
import tomllib
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from ended_sweep import CUT_GAN, ended, plan_of, point_here
from gensweep.cli import main
from gensweep.configuration_file import ConfigurationFile
from gensweep.errors import UserError
from gensweep.planning import parse_request
from gensweep.planning._check_ledger import find_sweep
from gensweep.results import read_here, sweep_of, trial_views
from gensweep.space import space_as_json
from gensweep.sweep import sample_lane
from gensweep_models.space import Categorical, Integer, Real


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    return tmp_path


def test_best_tells_all_of_one_configuration(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(home)
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    experiment = client.create_experiment("e", artifact_location=f"file://{home}/artifacts")
    made = client.create_run(experiment, tags={"gensweep.trial": "s/1"})
    capsys.readouterr()
    assert main(["best", "s", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    trial = trial_views(read_here("s").records)[1]
    assert (told["trial"], told["value"], told["seed"]) == (1, 1.0, trial["seed"])
    assert told["hyperparameters"].items() >= trial["params"].items()
    assert told["hyperparameters"].items() >= {"hidden": 8, "ema": 0.999}.items()
    assert told["run"] == {"id": made.info.run_id, "address": f"runs:/{made.info.run_id}"}
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert main(["best", "s"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("trial 1 of s: gan on ring8\nfrechet   1 (converged)\n")
    assert f" * learning_rate={trial['params']['learning_rate']}\n" in said
    assert "   hidden=8\n" in said
    assert "run " not in said


def test_a_sweep_without_a_best_says_so(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended(home, ends=[("failed", None)] * 2)
    for command in ("best", "export"):
        assert main([command, "s"]) == 2
        says = "error: no trial of sweep 's' is ranked by frechet: `gensweep results s` tells how"
        assert capsys.readouterr().err.startswith(says)


@pytest.mark.parametrize("name", ["best.toml", "best.json"])
def test_a_script_takes_what_was_exported(
    home: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ended(home)
    assert main(["export", "s", "--out", name]) == 0
    assert capsys.readouterr().out == f"{name}\n"
    again = parse_request("", plan.request.sweep, ["--set-from", name, "--trials", "5"])
    sweep, trial = again.sweep, trial_views(read_here("s").records)[1]
    assert sweep.config({}) == plan.request.sweep.config(trial["params"])
    assert (sweep.space, sweep.trials, sweep.repeats, sweep.group_by) == ({}, 5, 5, None)
    assert again.placement_options == f" --set-from {name}"


def test_seeds_of_what_was_exported_go_on(home: Path) -> None:
    """By the line that the sweep tells to type next, which names the file again."""
    script = ended(home).request.sweep
    assert main(["export", "s", "--out", "best.toml"]) == 0
    options = ["--set-from", "best.toml"]
    seeds = parse_request("", script, [*options, "--trials", "2", "--name", "t"]).sweep
    ended(home, "t", [("completed", 1.0)] * 2, space={}, fixed=seeds.fixed, repeats=2,
          group_by=None)  # fmt: skip
    resumed = parse_request("", script, ["--resume", "t", *options])
    found = find_sweep(resumed, str(home / "studies"))  # refuses another question
    assert found is not None
    assert (found.name, resumed.sweep.trials, resumed.sweep.repeats) == ("t", 2, 2)
    with pytest.raises(UserError, match="the search space is empty"):
        parse_request("", script, ["--resume", "t", *options, "--trials", "4"])


def test_what_the_file_leaves_out_is_searched(home: Path) -> None:
    sweep = plan_of(home, "s", 8, space={
        "learning_rate": Real(1e-4, 1e-2, log=True),
        "objective": Categorical(("hinge", "wasserstein")),
        "clip": Real(0.01, 0.1, when={"objective": ("wasserstein",)}),
        "critic_iterations": Integer(1, 5, when={"objective": ("hinge", "wasserstein")}),
    }).request.sweep  # fmt: skip
    (home / "some.toml").write_text('[hyperparameters]\nobjective = "hinge"\n')
    found = parse_request("", sweep, ["--set-from", "some.toml"]).sweep
    assert list(found.space) == ["learning_rate", "critic_iterations"]
    assert found.space["critic_iterations"].when is None
    assert (found.fixed["objective"], found.trials, found.repeats) == ("hinge", 8, 1)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.toml", "[hyper", "a.toml is no TOML: "),
        ("a.toml", "learning_rate = 1.0", "a.toml has no [hyperparameters]: give each a line"),
        ("a.yaml", "", "a configuration is written as .toml or .json, but got the ending '.yaml'"),
        ("a.toml", 'model = "vae"\n[hyperparameters]\nhidden = 8', "is of the model 'vae', this "
         "script sweeps 'gan'"),
        ("a.toml", "[hyperparameters]\nlerning_rate = 1.0", "unknown hyperparameter "
         "'lerning_rate' in fixed"),
        ("a.toml", "[hyperparameters]\nhidden = 1.5", "hidden=1.5 will not do"),
    ],
)  # fmt: skip
def test_a_file_that_will_not_do_is_told_in_a_line(
    home: Path, name: str, text: str, says: str
) -> None:
    (home / name).write_text(text)
    with pytest.raises(UserError) as error:
        parse_request("", plan_of(home, "s", 8).request.sweep, ["--set-from", name])
    assert says in str(error.value)


def test_the_exported_model_draws_the_samples_of_its_trial(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home)
    assert main(["export", "s", "--trial", "0", "--model", "out"]) == 0
    files = capsys.readouterr().out.split()
    assert files == ["s-0.toml", "out/weights.safetensors", "out/about.json"]
    about: Any = json.loads((home / "out" / "about.json").read_text())
    points = sample_lane("out/weights.safetensors", about, 5)
    assert points.shape == (5, 2)
    assert about["pack"]["hidden"] == 8
    assert main(["export", "s", "--trial", "0", "--model", "out", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == files
    trial = trial_views(read_here("s").records)[0]
    assert (told["sweep"], told["trial"], told["seed"]) == ("s", 0, trial["seed"])
    assert told["hyperparameters"].items() >= (trial["params"] | {"hidden": 8}).items()
    assert main(["export", "s", "--trial", "2", "--model", "out"]) == 2
    assert "the store has no weights of trial 2 of sweep 's'" in capsys.readouterr().err
    assert main(["export", "s", "--trial", "9"]) == 2
    assert "sweep 's' has no trial 9: it has 4 so far" in capsys.readouterr().err


def test_the_sweep_that_the_ledger_tells_of_is_the_one_that_was_asked(home: Path) -> None:
    plan = ended(home, samples=500, rungs=3)
    found = sweep_of(read_here("s"))
    asked = plan.request.sweep
    assert space_as_json(found.space) == space_as_json(asked.space)
    same = ("fixed", "data", "budget_images", "samples", "rungs", "seed", "group_by", "map_axis")
    assert {n: getattr(found, n) for n in same} == {n: getattr(asked, n) for n in same}


def test_every_kind_of_value_comes_back_from_either_format(home: Path) -> None:
    values = {"a": 1e-5, "b": 3, "c": True, "d": 'say "é"\n', "e": (1, 2), "f": float("inf")}
    for suffix in (".toml", ".json"):
        path = home / f"all{suffix}"
        path.write_text(ConfigurationFile(model="m", values=values).text(suffix))
        assert ConfigurationFile.read(path).values == values
    assert tomllib.loads((home / "all.toml").read_text())["model"] == "m"


def not_json(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


def test_an_infinite_hyperparameter_is_json_and_comes_back(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ends, whole = [("completed", 1.0)] * 2, {"hidden": 8, "cut": math.inf}
    sweep = ended(home, ends=ends, model=CUT_GAN, fixed=whole).request.sweep
    for words in ("best s --json", "export s --out one.json"):
        assert main(words.split()) == 0
        said = capsys.readouterr().out
        text = said if said.startswith("{") else Path("one.json").read_text()
        assert '"cut": "inf"' in text
        json.loads(text, parse_constant=not_json)
    trial = trial_views(read_here("s").records)[0]
    again = parse_request("", sweep, ["--set-from", "one.json"]).sweep
    assert again.config({}) == sweep.config(trial["params"])


def test_an_infinite_number_of_an_exported_model_comes_back(home: Path) -> None:
    ended(home)
    assert main(["export", "s", "--model", "m"]) == 0
    about = json.loads(Path("m/about.json").read_text(), parse_constant=not_json)
    about["pack"]["truncation"] = "inf"
    assert sample_lane("m/weights.safetensors", about, 2).shape == (2, 2)
