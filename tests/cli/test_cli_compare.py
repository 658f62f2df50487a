"""`gensweep compare` sets two sweeps side by side, and refuses what was measured differently."""

import json
import re
from pathlib import Path

import pytest

from ended_sweep import ended, point_here
from gensweep.cli import main
from gensweep.cli._compare import CAUSES
from gensweep_models.space import Real

WORSE = (("completed", 9.0), ("collapsed", None), ("collapsed", None), ("diverged", None))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    point_here(tmp_path, monkeypatch)
    ended(tmp_path, "a")
    return tmp_path


def test_two_sweeps_stand_side_by_side(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended(home, "b", WORSE, budget_images=50_000, threads=2)
    assert main(["compare", "a", "b"]) == 0
    said = capsys.readouterr().out
    rows = {line[:18].strip(): line[18:].split("  ") for line in said.splitlines()}
    assert rows["best frechet"][0].strip() == "1 (trial 1)"
    assert rows["best frechet"][-1].strip() == "9 (trial 0)"
    assert rows["trials ended"][-1].strip() == "4 of 4"
    assert "searched the same space" in said
    assert "budget_images" in said.split("asked otherwise")[1]
    assert re.search(r"\nthreads +none +2\n", said)


def test_json_has_rates_with_their_intervals_and_the_space(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home, "b", WORSE, space={"learning_rate": Real(1e-3, 1e-2, log=True)}, group_by=None)
    assert main(["compare", "a", "b", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["comparable"]
    assert {one["field"]: (one["a"], one["b"]) for one in found["space"]} == {
        "learning_rate": ("0.0001 to 0.01 (log)", "0.001 to 0.01 (log)"),
        "objective": ("hinge, wasserstein", "'non_saturating'"),
    }
    (row,) = found["sweeps"][1]["rates"]
    assert (row["trials"], row["converged"], row["rate"]) == (4, 1, "25%")
    assert row["95 % interval"] == "5% to 70%"
    assert found["sweeps"][0]["best"]["values"] == [1.0]


def test_sweeps_that_were_measured_differently_are_refused_field_by_field(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ended(home, "b", protocol={"samples": 500, "neutral": {"truncation": 1.0}})
    assert main(["compare", "a", "b"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "measured differently: samples: 1000 against 500. Sweep one again" in shown.err
    assert shown.err.count("\n") == 1
    assert main(["compare", "a", "b", "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert found["comparable"] is False
    assert found["protocol"] == [{"field": "protocol.samples", "a": "1000", "b": "500"}]


def test_a_refusal_names_settings_before_hashes_and_counts_the_rest(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = {"feature_hash": "5f", "features": "digits", "images": "uint8", "k": 3, "samples": 500}
    ended(home, "b", protocol=other)
    assert main(["compare", "a", "b"]) == 2
    shown = capsys.readouterr().err
    assert "measured differently: features: " in shown
    assert shown.count(" against ") == CAUSES
    assert "hash" not in shown
    assert "; and 1 more, which --json lists. Sweep one again" in shown
    assert main(["compare", "a", "b", "--json"]) == 2
    assert len(json.loads(capsys.readouterr().out)["protocol"]) == CAUSES + 1


def test_what_only_one_model_is_measured_by_is_no_difference(home: Path) -> None:
    scores = {"names": ["psnr"], "seed": 0}
    critic = {"critic_slope": {"split": "test"}, "critic_examples_before_the_end": 50}
    ended(home, "b", protocol={"scores": scores, "nll": {"samples": 500}, **critic})
    assert main(["compare", "a", "b"]) == 0
    ended(home, "c", protocol={"scores": scores | {"seed": 1}})
    assert main(["compare", "b", "c"]) == 2


def test_the_best_is_a_configuration_and_not_the_luckiest_seed(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of three configurations of three seeds each, one has the best trial and fails twice."""
    lucky = [("completed", 0.1), ("collapsed", None), ("collapsed", None)]
    steady = [("completed", value) for value in (0.4, 0.3, 0.5)]
    ended(home, "b", [*lucky, *steady, *[("completed", 9.0)] * 3], repeats=3)
    assert main(["compare", "a", "b", "--json"]) == 0
    best = json.loads(capsys.readouterr().out)["sweeps"][1]["best"]
    assert (best["group"], best["trial"]["number"]) == (3, 3)
    assert best["value"] == pytest.approx(0.4)
    assert main(["compare", "a", "b"]) == 0
    assert "0.4 (trial 3, mean of 3 seeds)" in capsys.readouterr().out
