"""The script that compares families: equal seconds, its table, its figure, its command line."""

from types import ModuleType
from typing import Any

import pytest

from script_modules import load_script, started


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_script("families", monkeypatch)


def trial(number: int, outcome: str = "converged", **metrics: float) -> dict[str, Any]:
    return {
        "number": number, "group": number, "state": "completed", "outcome": outcome, "cause": "",
        "params": {"learning_rate": 1e-3 * (number + 1)}, "metrics": metrics, "curves": {},
        "kept": {}, "images": 4600, "seed": number, "attempts": 1, "pack_losses": 0,
        "host_losses": 0,
    }  # fmt: skip


RESULTS = {
    "gan": {
        "protocol": {},
        "trials": [
            trial(0, frechet=20.0, density=0.8, coverage=0.9),
            trial(1, frechet=10.0, density=0.9, coverage=0.7),
            trial(2, "diverged"),
        ],
    },
    "flow": {
        "protocol": {"nll": {"kind": "exact", "of": "pixels at 17 levels"}},
        "trials": [trial(0, frechet=40.0, density=0.5, coverage=0.6, nll=140.0)],
    },
    "vae": {"protocol": {}, "trials": []},
}


def test_budgets_are_the_same_seconds_of_each_family(script: ModuleType) -> None:
    for name, sweep in script.SWEEPS.items():
        assert sweep.budget_images == script.SECONDS * script.FAMILIES[name].pace


def test_the_table_has_the_best_trial_of_each_family(script: ModuleType) -> None:
    measured = dict.fromkeys(RESULTS, (460.0, 0.5))
    _, _, *rows = script.table(RESULTS, measured).splitlines()
    gan, flow, vae = (row.split() for row in rows)
    assert gan[:8] == ["gan", "dcgan", "2", "of", "3", "10", "0.9", "0.7"]
    assert gan[-2:] == ["10", "0.5"]  # of 4,600 images at 460 a second
    assert "140" in flow
    assert vae[:5] == ["vae", "vae", "0", "of", "0"]
    assert list(script.likelihoods(RESULTS)) == ["flow: nll is exact, of pixels at 17 levels"]


def test_trials_are_drawn_from_the_best_on(script: ModuleType) -> None:
    distance, coverage = script.ranked(RESULTS)
    assert distance.lines == {"gan": [(1, 10.0), (2, 20.0)], "flow": [(1, 40.0)], "vae": []}
    assert coverage.lines["gan"] == [(1, 0.9), (2, 0.7)]


def test_the_page_groups_all_trials_by_their_family(script: ModuleType) -> None:
    page = script.page("mine", RESULTS)
    for words in ("frechet of trials", "<td>gan</td>", "<td>flow</td>"):
        assert words in page


def test_families_are_swept_in_turn_each_under_its_own_name(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = started(script, monkeypatch, 0)
    told: list[str] = []
    monkeypatch.setattr(script, "tell", told.append)
    script.run(["--trials", "3", "--name", "mine"])
    assert commands == [
        ["--family", name, "--name", f"mine-{name}", "--trials", "3"] for name in script.FAMILIES
    ]
    assert told == ["mine"]
    script.run(["--dry-run"])
    assert len(commands) == 2 * len(script.FAMILIES)
    assert told == ["mine"]


def test_a_sweep_that_fails_is_the_last(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = started(script, monkeypatch, 2)
    with pytest.raises(SystemExit) as error:
        script.run([])
    assert error.value.code == 2
    assert len(commands) == 1


def test_one_family_is_resumed_by_its_name(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, list[str]]] = []
    monkeypatch.setattr(script, "main", lambda doc, sweep, argv: calls.append((sweep.name, argv)))
    script.run(["--resume", "mine-flow", "--trials", "12"])
    script.run(["--family", "gan", "--name", "mine-gan"])
    assert calls == [
        ("families-flow", ["--resume", "mine-flow", "--trials", "12"]),
        ("families-gan", ["--name", "mine-gan"]),
    ]


def test_paces_are_measured_on_this_machine(script: ModuleType) -> None:
    script.WIDTH, script.SAMPLES = 1, 10  # type: ignore[attr-defined]
    pace, seconds = script.paces("vae", seconds=0.01)
    assert pace > 0
    assert seconds > 0
