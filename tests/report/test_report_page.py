"""The report: its statistics, its parts, and how a real browser takes it."""

import itertools
import math
import random
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch

from gensweep.errors import UserError
from gensweep.report import (
    best_of_k,
    best_of_k_interval,
    build_report,
    grid_png,
    log_bins,
    text_table,
    wilson,
)  # fmt: skip


def records() -> list[dict[str, Any]]:
    draw, trials = random.Random(0), []
    for number, objective in itertools.product(range(20), ("<hinge>", "wgan")):
        rate = 10 ** draw.uniform(-5, -2)
        ends = "diverged" if rate > 4e-3 else "collapsed" if rate < 3e-5 else "converged"
        found = (
            {}
            if ends == "diverged"
            else {"frechet": 10 + abs(math.log10(rate / 3e-4)) * 30, "coverage": 0.7}
        )
        curve = [[t, 40 / t, 0.3 * t] for t in (0.5, 1.0, 2.0)]
        trials.append({
            "number": len(trials), "state": "diverged" if not found else "completed",
            "outcome": ends, "cause": "loss is nan at step 7" if not found else "",
            "params": {"objective": objective, "learning_rate": rate, "latent_size": number + 1},
            "metrics": found, "curves": {"truncation": curve} if found else {},
        })  # fmt: skip
    return trials


def report() -> str:
    trials = records()
    images = {str(t["number"]): grid_png(torch.rand(16, 1, 8, 8) * 2 - 1) for t in trials}
    sweep = {"name": "stability <b>", "protocol": {"k": 5}, "seed": 3, "next": "next-line"}
    return build_report(sweep, trials, images, scatter_of=("coverage", "frechet", "latent_size"))


def test_wilson_known_value_and_edges() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
    assert wilson(0, 5)[0] == 0
    assert wilson(0, 0) == (0, 1)
    with pytest.raises(UserError):
        wilson(3, 2)


@pytest.mark.parametrize("k", [1, 3, 6])
def test_best_of_k_equals_enumeration(k: int) -> None:
    values = [4.0, 1.0, 9.0, 2.5, 7.0, 3.0]
    minima = sorted(min(chosen) for chosen in itertools.combinations(values, k))
    assert best_of_k(values, k) == pytest.approx(sum(minima) / len(minima))
    low, high = best_of_k_interval(values, k)
    assert low == minima[math.ceil(0.05 * len(minima)) - 1]
    assert high == minima[math.ceil(0.95 * len(minima)) - 1]


def test_log_bins_need_positive_values() -> None:
    assert len(log_bins([1e-3], 4)) == 5
    with pytest.raises(UserError):
        log_bins([0.0, 1.0])


def test_report_counts_escapes_and_is_self_contained() -> None:
    page, trials = report(), records()
    good = sum(t["outcome"] == "converged" for t in trials)
    assert f"{good} of 40 trials converged" in page
    assert "<hinge>" not in page
    assert "&lt;hinge&gt;" in page
    assert not re.search(r"(?:src|href)=.?(?:https?:)?//", page)
    bars = [int(n) for n in re.findall(r"<rect[^>]*><title>[^:]*: (\d+) of", page)]
    assert sum(bars) == 40


def test_report_of_nothing() -> None:
    assert "No trial has ended yet" in build_report({}, [], {})


def test_text_table_fits() -> None:
    table = text_table(["name", "value"], [["x" * 80, 1.0]], width=30)
    assert max(map(len, table.splitlines())) == 30
    assert "…" in table


def test_grid_png_is_readable_with_bad_values() -> None:
    from io import BytesIO

    from PIL import Image

    images = torch.full((3, 1, 4, 4), math.nan)
    assert Image.open(BytesIO(grid_png(images, columns=2))).size[0] >= 9
    points = torch.tensor([[0.0, 1.0], [math.inf, 0.0]])
    assert grid_png(points, modes=points[:1])[:4] == b"\x89PNG"


@pytest.mark.stack
def test_browser_renders_without_errors(tmp_path: Path) -> None:
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser is not None, "no chromium on PATH: `make browser` installs it"
    page = report().replace("<script>", "<script>onerror=m=>document.title='ERROR '+m;", 1)
    page = page.replace(
        "</body>",
        "<script>document.querySelectorAll('th button')[5].click();"
        "document.body.dataset.requests=performance.getEntriesByType('resource')"
        ".filter(e=>!e.name.startsWith('data:')).length</script></body>",
    )
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    flags = shlex.split(
        "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run "
        "--disable-background-networking --disable-component-update --disable-sync "
        "--enable-logging=stderr --dump-dom"
    )
    done = subprocess.run(
        [browser, *flags, f"--user-data-dir={tmp_path / 'profile'}",
         (tmp_path / "report.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    assert "<title>stability" in done.stdout
    assert 'data-requests="0"' in done.stdout
    assert 'aria-sort="ascending"' in done.stdout
    assert "CONSOLE" not in done.stderr
