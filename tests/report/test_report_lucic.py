"""The script that repeats "Are GANs Created Equal?": its phases, its table, how it goes on."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ended_sweep import ended, plan_of, point_here, spec_of
from gensweep.study import Study
from script_modules import load_script, started


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load_script("lucic", monkeypatch)


def trials_of(searched: list[float | None], fresh: Sequence[float] = ()) -> dict[str, Any]:
    """Values of a search, None for a trial that diverged, and those that confirm the best."""
    best = searched.index(min(value for value in searched if value is not None))
    ends = [(n, 0, value) for n, value in enumerate(searched)]
    ends += [(best, 1, value) for value in fresh]
    return {"trials": [trial(n, *end) for n, end in enumerate(ends)]}


def trial(number: int, group: int, confirm_round: int, value: float | None) -> dict[str, Any]:
    done = value is not None
    return {
        "number": number, "group": group, "confirm_round": confirm_round, "cause": "",
        "state": "completed" if done else "diverged", "curves": {}, "kept": {}, "images": 100,
        "outcome": "converged" if done else "diverged", "seed": number, "attempts": 1,
        "params": {"learning_rate": 1e-3 * (group + 1)}, "pack_losses": 0, "host_losses": 0,
        "metrics": {"frechet": value} if done else {},
    }  # fmt: skip


def results_of(script: ModuleType) -> dict[str, Any]:
    """Each model is worse than the one before; that of the first was lucky in the search."""
    found = {}
    for n, model in enumerate(script.MODELS):
        base = 50.0 + 10 * n
        first = 1.0 if n == 0 else base
        found[f"wide-{model}"] = trials_of([None, first, 200.0], [base, base + 1, base + 2])
        found[f"narrow-{model}"] = trials_of([base + 3, 90.0 + base])
    return found


def test_phases_have_the_ranges_of_the_study(script: ModuleType) -> None:
    assert len(script.MODELS) == 8
    assert len(script.KEYS) == 16
    for model in script.MODELS:
        wide, narrow = (script.sweep_of(script.SCALES["paper"], p, model) for p in script.PHASES)
        assert (wide.trials, wide.confirm, narrow.trials, narrow.confirm) == (100, "1x50", 50, None)
        assert wide.budget_images == 15_625 * 64
        rate, later = wide.space["learning_rate"], narrow.space["learning_rate"]
        assert (rate.low, rate.high, later.low, later.high) == (1e-5, 1e-2, 1e-4, 1e-3)
        assert "beta1" in wide.space
        assert narrow.config({}).beta1 == 0.5
        assert set(narrow.space) < set(wide.space)
        small = script.sweep_of(script.SCALES["cpu"], "wide", model)
        assert small.trials >= 20
        assert small.confirmation.seeds == 5


def test_the_table_sets_fresh_seeds_beside_the_published_ones(script: ModuleType) -> None:
    table = script.comparison(results_of(script))
    assert [row[0] for row in table.rows] == list(script.MODELS)
    assert table.rows[0] == ["mm", 1.0, "51 ± 1", "3 of 3", 53.0, "9.8 ± 0.9", 1, 5, ""]
    assert table.rows[4][-1] == "the critic of a penalty has no batch norm"
    assert [row[6] for row in table.rows] == list(range(1, 9))
    assert script.sure(results_of(script)) == (
        "mm has the best configuration: Fréchet distance 51 in the mean of 3 fresh seeds, the best "
        "of the models with probability over 99 %."
    )


def test_a_best_that_no_fresh_seed_confirmed_has_no_rank(script: ModuleType) -> None:
    results = results_of(script)
    for one in results["wide-vae"]["trials"][3:]:
        one |= {"state": "diverged", "metrics": {}}
    assert script.comparison(results).rows[-1][1:7] == [
        120.0,
        "",
        "0 of 3",
        123.0,
        "23.8 ± 0.6",
        "",
    ]


def test_the_page_has_budget_curves_the_spread_and_what_is_not_comparable(
    script: ModuleType,
) -> None:
    page = script.page("mine", script.SCALES["cpu"], results_of(script))
    for words in (
        "Are GANs created equal?", "51 ± 1", "perceptrons of 64", "300,000 images a trial",
        "Budget: best of k, wide ranges", "Spread, narrow ranges", "16 of 24 trials converged",
        "of 8 that were confirmed",
    ):  # fmt: skip
        assert words in page


def test_what_is_complete_is_left_alone_and_what_was_begun_goes_on(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point_here(tmp_path, monkeypatch)
    ended(tmp_path, "mine-smoke-wide-mm", [("diverged", None)] * 2)
    plan = plan_of(tmp_path, "mine-smoke-wide-ns", 2)
    Study.create(spec_of(plan), plan.ledger).close()
    commands, told = started(script, monkeypatch, 0), list[str]()
    monkeypatch.setattr(script, "tell", lambda *words: told.extend(words))
    script.run(["--scale", "smoke", "--name", "mine", "--packs", "1"])
    first, second, *rest = commands
    assert first == ["--scale", "smoke", "--only", "wide-ns", "--resume", "mine-smoke-wide-ns",
                     "--packs", "1"]  # fmt: skip
    assert second[3:6] == ["wide-lsgan", "--name", "mine-smoke-wide-lsgan"]
    assert len(rest) == 13
    assert told == ["mine", "smoke"]


def test_one_sweep_is_resumed_by_its_name(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, int, list[str]]] = []
    monkeypatch.setattr(
        script, "main", lambda doc, sweep, argv: calls.append((sweep.name, sweep.trials, argv))
    )
    script.run(["--resume", "lucic-1130-1200-paper-narrow-wgan_gp"])
    script.run(["--scale", "smoke", "--only", "wide-vae", "--name", "x"])
    assert calls == [
        ("lucic-narrow-wgan_gp", 50, ["--resume", "lucic-1130-1200-paper-narrow-wgan_gp"]),
        ("lucic-wide-vae", 2, ["--name", "x"]),
    ]
