"""Numbers and names beyond all bounds are refused in one line, before anything is started."""

import contextlib
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest

from gensweep.data import find_source
from gensweep.errors import UserError
from gensweep.log import print_error
from gensweep.own_metric import OwnMetric
from gensweep.planning import parse_request
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Integer, Real

pytestmark = pytest.mark.usefixtures("own_home")
SPACE = {"learning_rate": Real(1e-4, 1e-2, log=True)}
SWEEP = Sweep(name="gan", model=CATALOG["gan"], space=SPACE)
HUGE = "9" * 20
NUMBERS = [HUGE, "-1", "1e400", "nan", "9" * 5000, "1 000"]
"""None of which is a count of anything."""
COUNTS = {
    "--trials": "1,000,000",
    "--repeats": "1,000,000",
    "--samples": "1,000,000",
    "--budget-images": "1,000,000,000,000",
    "--width": "10,000",
    "--threads": "10,000",
    "--packs": "10,000",
    "--ranks": "10,000",
    "--gpus": "10,000",
    "--skip-bad": "1,000,000,000,000",
    "--max-images": "1,000,000,000,000,000,000",
    "--seed": "2**32",
    "--image-size": "1,024",
}
"""Options of whole numbers, and the largest."""
AMOUNTS = {
    "--max-hours": "1,000,000",
    "--max-cost": "1,000,000,000,000",
    "--hourly-price": "1,000,000,000,000",
    "--wait": "604,800",
}
"""Those of any number."""
NAMES = ["../../outside", "/etc/passwd", "a\nb", "a\x1b[2Jb", "x" * 1000, "naïve", "", ".", "..",
         "a/b", "a\0b", "a b"]  # fmt: skip


def refused(*options: str, sweep: Sweep = SWEEP) -> str:
    """The line by which a dry run refuses them."""
    said = io.StringIO()
    with pytest.raises((UserError, SystemExit)) as caught, contextlib.redirect_stderr(said):
        parse_request("A test.", sweep, [*options, "--dry-run"])
    line = said.getvalue() or str(caught.value)
    assert len(line) < 1000
    assert line.removesuffix("\n").isprintable()
    return line


@pytest.mark.parametrize("option", COUNTS)
def test_no_count_is_beyond_all_bounds(option: str) -> None:
    for number in NUMBERS:
        line = refused(f"{option}={number}")
        assert option.removeprefix("--").replace("-", "_") in line.replace("-", "_")
    line = refused(f"{option}={HUGE}")
    assert HUGE in line
    assert COUNTS[option] in line


@pytest.mark.parametrize("option", AMOUNTS)
def test_no_amount_is_beyond_all_bounds(option: str) -> None:
    for number in ["-1", "1e400", "inf", "nan", "ten", "1e300"]:
        line = refused(f"{option}={number}")
        assert option.removeprefix("--").replace("-", "_") in line.replace("-", "_")
    assert AMOUNTS[option] in refused(f"{option}=1e300")


def test_trials_that_confirm_and_points_of_a_grid_have_a_bound() -> None:
    for confirm in ("9999999x3", "48x999999", "-1x3", "0x3"):
        line = refused(f"--confirm={confirm}")
        assert confirm in line
        assert "1,000,000" in line
    grid = ("--sampler", "grid", "--grid-points")
    assert "`grid_points <= 1,000,000`" in refused(*grid, "99999999999")


def test_a_script_has_the_same_bounds() -> None:
    for changes in ({"rungs": 10**6}, {"trials": 10**400}, {"max_hours": float("inf")}):
        (name, value), = changes.items()  # fmt: skip
        with pytest.raises(UserError, match=f"`{name} <= .*` must hold, but got {name}="):
            dataclasses.replace(SWEEP, **{name: value})
    for ends in ((1, 10**400), (-(10**400), 3)):
        with pytest.raises(ValueError, match="both ends must be finite"):
            Integer(*ends)


@pytest.mark.parametrize("value", [10**400, float("inf"), -1e308, "1e400", [1], None, True])
def test_a_file_of_hyperparameters_has_the_models_bounds(value: Any, tmp_path: Path) -> None:
    file = tmp_path / "best.json"
    file.write_text(json.dumps({"model": "gan", "hyperparameters": {"learning_rate": value}}))
    assert "learning_rate" in refused("--set-from", str(file))


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_refused_or_taken_as_it_is(name: str, capsys: Any) -> None:
    """By everything that makes a path, a key or a line of it."""
    if name:  # else the script's own, and the time
        line = refused(f"--name={name}")
        assert "up to 80 letters" in line
        print_error(line)
    assert "up to 80 letters" in refused(f"--resume={name}x/")
    with pytest.raises(UserError, match="name it with letters"):
        OwnMetric(name=f"{name}\n", measure=max, larger_is_better=None, formula="")
    with pytest.raises(UserError, match=r"NAME=FOLDER|unknown data set|does not exist"):
        find_source(f"{name}=nowhere")
    said = capsys.readouterr().err
    assert said.isprintable() == (not said)
    assert said.removesuffix("\n").isprintable()


def test_an_experiment_is_called_by_a_line() -> None:
    for question in ("a\nb", "x" * 1000):
        with pytest.raises(UserError, match="names an experiment of MLflow"):
            dataclasses.replace(SWEEP, question=question)
