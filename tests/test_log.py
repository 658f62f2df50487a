"""Answers go to stdout, what happens to stderr with the sweep's name; neither holds a secret."""

import io
import logging
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gensweep.log import ROOT as LOGGER
from gensweep.log import configure_logging, print_error
from gensweep.planning import parse_request
from gensweep.sweep import Sweep
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "sweeps" / "gan_stability.py"
TINY = ["--trials", "5", "--budget-images", "640", "--samples", "100", "--packs", "1", "--width",
        "1", "--data", "ring8"]  # fmt: skip
SWEEP = Sweep(name="vae", model=CATALOG["vae"], data="digits", trials=2,
              space={"learning_rate": Real(1e-4, 1e-2)})  # fmt: skip
INSPECT = """
import logging
import gensweep.log
named = logging.getLogger("gensweep")
print(named.handlers, logging.root.handlers, named.level, named.propagate, logging.lastResort.level)
"""

log = logging.getLogger(f"{LOGGER}.some.module")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Leave the logger as other tests know it."""
    logger = logging.getLogger(LOGGER)
    before = logger.handlers[:], logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


def say_all() -> None:
    log.debug("a detail")
    log.info("progress")
    log.warning("a warning")


@pytest.mark.parametrize(
    ("verbosity", "said"),
    [
        (-2, ["a warning"]),
        (-1, ["a warning"]),
        (0, ["progress", "a warning"]),
        (1, ["a detail", "progress", "a warning"]),
        (3, ["a detail", "progress", "a warning"]),
    ],
)
def test_verbosity_decides_what_is_told(verbosity: int, said: list[str], capsys: Any) -> None:
    configure_logging("vae-1", verbosity)
    say_all()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"vae-1: {line}" for line in said]


def test_configured_again_it_tells_once_and_as_told_last(capsys: Any) -> None:
    configure_logging("first", 1)
    configure_logging("second")
    assert len(logging.getLogger(LOGGER).handlers) == 1
    say_all()
    assert capsys.readouterr().err == "second: progress\nsecond: a warning\n"


def test_others_loggers_stay_as_they_are(capsys: Any) -> None:
    """Neither the root logger, nor those of Ray, Optuna and MLflow."""
    foreign = [logging.getLogger(name) for name in (None, "ray", "optuna", "mlflow", "gensweeper")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in foreign]
    configure_logging("vae-1", 1)
    assert [(lo.handlers, lo.level, lo.propagate) for lo in foreign] == before
    foreign[-1].info("not ours")
    assert capsys.readouterr().err == ""


def test_import_sets_up_nothing() -> None:
    env = {"PYTHONPATH": str(ROOT / "platform")}
    done = subprocess.run([sys.executable, "-c", INSPECT], env=env, capture_output=True, text=True,
                          check=True)  # fmt: skip
    assert done.stdout == "[] [] 0 True 30\n"
    assert done.stderr == ""


def test_every_line_has_the_name_and_no_secret(
    capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "hunter2-and-more")
    configure_logging("100%s")
    log.info("of hunter2-and-more\n%s", "and postgresql://ann:other@db/x")
    try:
        raise KeyError("hunter2-and-more")
    except KeyError:
        log.exception("it broke")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == ["100%s: of ***", "100%s: and postgresql://ann:***@db/x", "100%s: it broke"]
    assert lines[-1] == "100%s: KeyError: '***'"
    assert all(line.startswith("100%s: ") for line in lines)


def test_it_writes_to_the_stderr_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray gives each process of its own another one."""
    configure_logging("vae-1")
    other = io.StringIO()
    monkeypatch.setattr(sys, "stderr", other)
    log.info("here")
    assert other.getvalue() == "vae-1: here\n"


URI = "postgresql://ann:hunter22@db/x"
SWEEP_OF = """
from gensweep.sweep import Sweep, main
from gensweep_models.catalog import CATALOG
from gensweep_models.space import Real
SWEEP = Sweep(name="vae", model=CATALOG["vae"], space={"learning_rate": Real(1e-4, 1e-2)}, **%s)
main("A test.", SWEEP)
"""
ERRORS = {
    "a command": ("from gensweep.cli import main; raise SystemExit(main())", ["results", URI]),
    "an option of a script": (SWEEP_OF % {}, ["--name", URI]),
    "a value in a script": (SWEEP_OF % {"sampler": URI}, []),
}
"""A script, and options of it, where an address is a mistake that the error names."""


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_tells_no_password(case: str, tmp_path: Path) -> None:
    text, options = ERRORS[case]
    script = tmp_path / "script.py"
    script.write_text(text)
    paths = f"{ROOT / 'platform'}:{ROOT / 'models'}"
    env = os.environ | {"GENSWEEP_HOME": str(tmp_path / "home"), "PYTHONPATH": paths}
    done = subprocess.run([sys.executable, script, *options], env=env, capture_output=True,
                          text=True, check=False)  # fmt: skip
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert re.match(r"error: .*postgresql://ann:\*\*\*@db/x", line)


def test_an_error_is_one_line(capsys: Any) -> None:
    print_error(f"it went wrong:\n  at {URI}\n")
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: it went wrong: at postgresql://ann:***@db/x\n")


@pytest.mark.parametrize(
    ("options", "verbosity"),
    [([], 0), (["-v"], 1), (["--verbose", "-v"], 2), (["-q"], -1), (["--quiet"], -1),
     (["-vq"], 0), (["-vqq"], -1)],
)  # fmt: skip
def test_options_count(options: list[str], verbosity: int) -> None:
    request = parse_request("", SWEEP, options)
    assert request.verbosity == verbosity
    assert request.placement_options == ""
    assert request.sweep.identity() == SWEEP.identity()


Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def sweep(stack: Any, stack_scripts: Any) -> Run:
    """Runs the script well; its messages begin with its name, and it tells no secret."""

    def run(name: str, *options: str) -> "subprocess.CompletedProcess[str]":
        done: subprocess.CompletedProcess[str] = stack_scripts.run(
            SCRIPT, list(options), env=stack.env, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        assert all(line.startswith(f"{name}: ") for line in done.stderr.splitlines()), done.stderr
        assert f"{name}: " not in done.stdout.removeprefix(f"sweep     {name}: ")
        assert stack.env["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
        return done

    return run


@pytest.mark.slow("a dry run of a script, which starts Ray", minutes=0.3)
@pytest.mark.stack
def test_a_dry_run_answers_on_stdout_alone(sweep: Run) -> None:
    done = sweep("dry", *TINY, "--dry-run", "--name", "dry")
    assert all(re.match(r"[a-z]+ +\S", line) for line in done.stdout.splitlines())
    # a slow machine's checks tell how far they are
    known = re.compile(r"dry: (checked|measured) \d of \d variants")
    told = [line for line in done.stderr.splitlines() if not known.match(line)]
    assert told == []


@pytest.mark.slow("a sweep of five trials, and its end once more", minutes=1)
@pytest.mark.stack
def test_a_sweep_tells_details_or_nothing(sweep: Run) -> None:
    """A sweep with -v, and again with -q, when all of its trials have ended."""
    loud = sweep("said", *TINY, "--name", "said", "-v")
    for progress in (" examples/s  |  ", "5 collapsed", "starting packs"):
        assert progress not in loud.stdout
    for told in (r"said: ledger ", r"said: pack-1-\w+ starts$", r"said: +\d+ s .* examples/s ",
                 r"said: pack-1-\w+ ends$"):  # fmt: skip
        assert re.search(f"^{told}", loud.stderr, re.MULTILINE), loud.stderr
    quiet = sweep("said", "--resume", "said", "-q")
    assert quiet.stderr == ""
    for answer in ("sweep ", "trial ", "lanes ", "report ", "stored ", "compare ", "next "):
        assert re.search(f"^{answer}", loud.stdout, re.MULTILINE), loud.stdout
        assert answer == "lanes " or re.search(f"^{answer}", quiet.stdout, re.MULTILINE)
